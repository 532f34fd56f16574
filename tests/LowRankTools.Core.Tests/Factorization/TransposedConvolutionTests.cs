using System.Globalization;
using LowRankTools.Core.Comparison;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Parts;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Formats;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tests.Peers;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Factorization;

/// <summary>Transposed convolutions as chains of such, in files that do not tell them from others.</summary>
public sealed class TransposedConvolutionTests : IDisposable
{
    private const string Weight = "net.up.weight", Bias = "net.up.bias", Plain = "net.conv.weight";

    // The layers of an nn.Sequential made of the file's factors, beside the one layer with the merged weight.
    private const string Peer = """
        import sys, torch
        factors, dense = (torch.load(p) for p in sys.argv[1:3])
        chain = {k[len('net.up.'):]: v for k, v in factors.items() if k.startswith('net.up.')}
        kernels = [chain[f'{i}.weight'] for i in range(sum(k.endswith('weight') for k in chain))]
        own = dict(stride=(2, 3), padding=(1, 0), output_padding=(1, 2), dilation=(1, 2))
        none = dict(stride=1, padding=0, output_padding=0, dilation=1)
        layers, taken = [], [False, False]
        for i, k in enumerate(kernels):
            takes = [s > 1 for s in k.shape[2:]]
            taken = [a or b for a, b in zip(taken, takes)]
            groups = k.shape[0] if k.shape[1] == 1 else 1
            settings = {name: tuple(own[name][side] if takes[side] else none[name] for side in (0, 1)) for name in own}
            layers.append(torch.nn.ConvTranspose2d(k.shape[0], k.shape[1] * groups, tuple(k.shape[2:]), groups=groups, bias=i == len(kernels) - 1, **settings))
        assert all(taken)
        module = torch.nn.Sequential(*layers)
        module.load_state_dict(chain)
        torch.manual_seed(1)
        x = torch.randn(2, kernels[0].shape[0], 7, 5)
        with torch.no_grad():
            one = torch.nn.functional.conv_transpose2d(x, dense['net.up.weight'], dense['net.up.bias'], **own)
            print(((module(x) - one).norm() / one.norm()).item())
        """;

    private readonly TestFolder _folder = new();

    public static TheoryData<FactorMethod> Methods => [.. Enum.GetValues<FactorMethod>().Except([FactorMethod.TensorTrain, FactorMethod.Pivoted])];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Methods))]
    public void A_kernel_that_is_named_becomes_a_chain_that_merges_to_what_the_result_says(FactorMethod method)
    {
        ModelSource model = Generator();
        FactorizationResult result = Run(model, method);
        LayerFactorization layer = result.Layers.Single(l => l.Name == Weight);
        Assert.Equal(KeepReason.None, layer.Reason);
        Assert.InRange(layer.Parameters, 1, (long)(0.5 * layer.ParametersBefore));
        Assert.EndsWith("(transposed)", layer.Method, StringComparison.Ordinal);
        Assert.DoesNotContain("transposed", result.Layers.Single(l => l.Name == Plain).Method, StringComparison.Ordinal);
        Dictionary<string, (long[] Shape, float[] Values)> written = TestModel.Read(result.Path), before = TestModel.Read(model.Path), merged = TestModel.Read(Merged(result.Path));
        (string Name, long[] Shape)[] chain = [.. written.Where(t => t.Key.StartsWith("net.up.", StringComparison.Ordinal) && t.Value.Shape.Length == 4).OrderBy(t => t.Key, StringComparer.Ordinal).Select(t => (t.Key, t.Value.Shape))];
        // The state dict of nn.ConvTranspose2d layers: inputs first, and as many out of the last as the bias has entries.
        Assert.Equal((12, 16), (chain[0].Shape[0], chain[^1].Shape[1]));
        Assert.Equal([16], written[$"net.up.{chain.Length - 1}.bias"].Shape);
        Assert.Equal(before[Weight].Shape, merged[Weight].Shape);
        Assert.Equal(TestModel.RelativeError(before[Weight].Values, [.. merged[Weight].Values.Select(v => (double)v)]), layer.RelativeError!.Value, 1e-6);
        Assert.Equal(before[Bias].Values, merged[Bias].Values);
        Assert.Equal(before.Keys.Order(StringComparer.Ordinal), merged.Keys.Order(StringComparer.Ordinal));
        TensorDifference difference = new CompareModels(withRank: false).Run(model, new ModelSource(result.Path, "m")).Single(d => d.Name == Weight);
        Assert.Equal(layer.RelativeError.Value, difference.RelativeError!.Value, 1e-6);
    }

    [PythonTheory("torch")]
    [InlineData("Svd")]
    [InlineData("Tucker")]
    [InlineData("Cp")]
    [InlineData("SpatialSvd")]
    public void PyTorch_answers_with_the_chain_as_with_its_product(string method)
    {
        FactorizationResult result = Run(Generator(), Enum.Parse<FactorMethod>(method), ModelFormat.PyTorch);
        string merged = new MergeModel(new MergeOptions { OutputPath = _folder["merged"], Format = ModelFormat.PyTorch }).Run(new ModelSource(result.Path, "m")).Path;
        Assert.InRange(double.Parse(PythonPeer.Run(Peer, result.Path, merged), CultureInfo.InvariantCulture), 0, 1e-5);
    }

    [Fact]
    public void A_plan_remembers_which_were_named()
    {
        ModelSource model = Generator();
        PlanOptions options = new() { Rule = new RankRule.TargetReduction(2), Method = FactorMethod.Auto, Selection = Up };
        RankPlan plan = new MakePlan(options).Run(model);
        string file = _folder["p.plan.json"];
        RankPlanFile.Write(plan, file, force: true);
        RankPlan read = RankPlanFile.Read(file);
        Assert.Equal([Weight], read.Layers.Where(l => l.Method?.EndsWith("(transposed)", StringComparison.Ordinal) == true).Select(l => l.Name));
        Assert.Equal(RankPlanFile.ToLine(plan), RankPlanFile.ToLine(read));
        FactorizationResult result = new FactorizeModel(new FactorizeOptions { Plan = read, OutputPath = _folder["out"] }).Run(model);
        Assert.Equal(plan.Layers.Select(l => (l.Name, l.Parameters)), result.Layers.Select(l => (l.Name, l.Parameters)));
        using TensorFile written = TensorFiles.Open(result.Path);
        FactorizedLayerRecord record = FactorizationRecord.Find(written)!.Layers.Single(l => l.Name == Weight);
        Assert.Equal((plan.Layers.Single(l => l.Name == Weight).Method, Bias), (record.Method, record.Bias));
    }

    [Fact]
    public void Plans_without_any_are_written_as_ever()
    {
        RankPlan plan = new MakePlan(new PlanOptions { Rule = new RankRule.KeepRatio(0.5), Method = FactorMethod.Tucker }).Run(Generator());
        Assert.DoesNotContain("Transposed", RankPlanFile.ToLine(plan), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void Parts_together_are_one_run()
    {
        ModelSource model = Generator();
        FactorizeOptions options = new() { Rule = new RankRule.KeepRatio(0.5), Method = FactorMethod.SpatialSvd, Selection = Up, OutputPath = _folder["whole"] };
        byte[] whole = File.ReadAllBytes(new FactorizeModel(options).Run(model).Path);
        string path = "";
        foreach (int number in new[] { 1, 2 })
            path = new FactorizePart(options with { OutputPath = _folder["parts"] }, new PartNumber(number, 2)).Run(model).Path;
        Assert.Equal(whole, File.ReadAllBytes(new JoinParts(new JoinPartsOptions()).Run(Path.GetDirectoryName(path)!).Path));
    }

    [Fact]
    public void Names_of_no_kernel_and_names_without_a_method_of_convolutions_are_refused()
    {
        LayerSelection none = new() { Transposed = [LayerSelection.Pattern("head*")] };
        Assert.Equal(CoreErrors.LayerNotFound, Assert.Throws<LowRankToolsException>(() => Run(Generator(), FactorMethod.Tucker, null, none)).ErrorId);
        foreach (FactorMethod? method in new FactorMethod?[] { null, FactorMethod.TensorTrain, FactorMethod.Pivoted })
        {
            Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() =>
                new MakePlan(new PlanOptions { Rule = new RankRule.KeepRatio(0.5), Method = method, Selection = Up }).Run(Generator())).ErrorId);
        }
        RankPlan plan = new MakePlan(new PlanOptions { Rule = new RankRule.KeepRatio(0.5), Method = FactorMethod.Tucker, Selection = Up }).Run(Generator());
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() =>
            new FactorizeModel(new FactorizeOptions { Plan = plan, Selection = Up, OutputPath = _folder["out"] }).Run(Generator())).ErrorId);
    }

    private static LayerSelection Up => new() { Transposed = [LayerSelection.Pattern("net.up")] };

    private ModelSource Generator() => new(TestModel.Write(_folder["in/m.safetensors"],
        TestModel.Random(Weight, 1, 12, 16, 3, 3), TestModel.Random(Bias, 2, 16), TestModel.Random(Plain, 3, 10, 16, 3, 3), TestModel.Random("head.weight", 4, 20, 24)), "m");

    private FactorizationResult Run(ModelSource model, FactorMethod method, ModelFormat? format = null, LayerSelection? selection = null) => new FactorizeModel(new FactorizeOptions
    {
        Rule = new RankRule.KeepRatio(0.5), Method = method, Selection = selection ?? Up, Format = format, OutputPath = _folder["out"], Force = true,
    }).Run(model);

    private string Merged(string path) => new MergeModel(new MergeOptions { OutputPath = _folder["merged"], Force = true }).Run(new ModelSource(path, "m")).Path;
}
