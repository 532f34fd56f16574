using LowRankTools.Core.Comparison;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Parts;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Decompositions.Convolutions;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Tests.Factorization;

/// <summary>Convolutions as chains of smaller ones, in files.</summary>
public sealed class ConvolutionTests : IDisposable
{
    private const string Weight = "net.conv.weight", Bias = "net.conv.bias", Signal = "net.signal.weight", Volume = "net.volume.weight";

    private readonly TestFolder _folder = new();

    public static TheoryData<FactorMethod> Methods => [.. Enum.GetValues<FactorMethod>().Except([FactorMethod.TensorTrain, FactorMethod.Pivoted])];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Methods))]
    public void A_kernel_becomes_a_chain_that_merges_to_what_the_result_says(FactorMethod method)
    {
        ModelSource model = Vision();
        FactorizationResult result = Run(model, method, new RankRule.KeepRatio(0.4));
        LayerFactorization layer = result.Layers.Single(l => l.Name == Weight);
        Assert.Equal(KeepReason.None, layer.Reason);
        Assert.InRange(layer.Parameters, 1, (long)(0.4 * layer.ParametersBefore));
        Assert.True(method == FactorMethod.Auto || layer.Method == method.ToString());
        Dictionary<string, (long[] Shape, float[] Values)> written = TestModel.Read(result.Path), before = TestModel.Read(model.Path), merged = TestModel.Read(Merged(result.Path));
        Assert.Equal(layer.Parameters, written.Where(t => t.Key.StartsWith("net.conv.", StringComparison.Ordinal) && t.Value.Shape.Length == 4).Sum(t => t.Value.Values.LongLength));
        Assert.DoesNotContain(Weight, written.Keys);
        Assert.Equal(before[Weight].Shape, merged[Weight].Shape);
        Assert.Equal(TestModel.RelativeError(before[Weight].Values, [.. merged[Weight].Values.Select(v => (double)v)]), layer.RelativeError!.Value, 1e-6);
        Assert.Equal(before[Bias].Values, merged[Bias].Values);
        Assert.Equal(before.Keys.Order(StringComparer.Ordinal), merged.Keys.Order(StringComparer.Ordinal));
        TensorDifference difference = new CompareModels(withRank: false).Run(model, new ModelSource(result.Path, "m")).Single(d => d.Name == Weight);
        Assert.Equal(layer.RelativeError.Value, difference.RelativeError!.Value, 1e-6);
    }

    [Fact]
    public void The_chain_is_the_state_dict_of_a_sequential()
    {
        FactorizationResult result = Run(Vision(), FactorMethod.Tucker, new RankRule.Fixed(5));
        Dictionary<string, (long[] Shape, float[] Values)> written = TestModel.Read(result.Path);
        Assert.Equal([5, 12, 1, 1], written["net.conv.0.weight"].Shape);
        Assert.Equal([5, 5, 3, 3], written["net.conv.1.weight"].Shape);
        Assert.Equal([16, 5, 1, 1], written["net.conv.2.weight"].Shape);
        Assert.Equal([16], written["net.conv.2.bias"].Shape);
        using TensorFile file = TensorFiles.Open(result.Path);
        FactorizedLayerRecord record = FactorizationRecord.Find(file)!.Layers.Single(l => l.Name == Weight);
        Assert.Equal(("Tucker", "5 x 5", Bias), (record.Method, record.Ranks?.ToString(), record.Bias));
        Assert.All(Layers(result.Path).Where(l => l.Name.StartsWith("net.conv.", StringComparison.Ordinal) && l.Shape.Count == 4), l => Assert.Equal(5, l.Rank));
    }

    public static TheoryData<FactorMethod, string, int> OtherSides
    {
        get
        {
            TheoryData<FactorMethod, string, int> cases = [];
            foreach (FactorMethod method in Enum.GetValues<FactorMethod>().Except([FactorMethod.TensorTrain, FactorMethod.Pivoted]))
            {
                cases.Add(method, Signal, 3);
                cases.Add(method, Volume, 5);
            }
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(OtherSides))]
    public void A_kernel_over_a_signal_or_a_volume_becomes_a_chain_of_such_kernels(FactorMethod method, string name, int sizes)
    {
        ModelSource model = Vision();
        FactorizationResult result = Run(model, method, new RankRule.KeepRatio(0.4));
        LayerFactorization layer = result.Layers.Single(l => l.Name == name);
        Assert.Equal(KeepReason.None, layer.Reason);
        Assert.InRange(layer.Parameters, 1, (long)(0.4 * layer.ParametersBefore));
        Dictionary<string, (long[] Shape, float[] Values)> written = TestModel.Read(result.Path), before = TestModel.Read(model.Path), merged = TestModel.Read(Merged(result.Path));
        Assert.Equal(layer.Parameters, written.Where(t => t.Key.StartsWith(name.Replace("weight", "", StringComparison.Ordinal), StringComparison.Ordinal)).Sum(t =>
        {
            Assert.Equal(sizes, t.Value.Shape.Length);
            return t.Value.Values.LongLength;
        }));
        Assert.Equal(before[name].Shape, merged[name].Shape);
        Assert.Equal(TestModel.RelativeError(before[name].Values, [.. merged[name].Values.Select(v => (double)v)]), layer.RelativeError!.Value, 1e-6);
        TensorDifference difference = new CompareModels(withRank: false).Run(model, new ModelSource(result.Path, "m")).Single(d => d.Name == name);
        Assert.Equal(layer.RelativeError!.Value, difference.RelativeError!.Value, 1e-6);
        RankPlan plan = new MakePlan(new PlanOptions { Rule = new RankRule.TargetReduction(2), Method = method }).Run(model);
        string file = _folder["p.plan.json"];
        RankPlanFile.Write(plan, file, force: true);
        Assert.Equal(plan.Layers.Select(l => (l.Name, l.Parameters)), RankPlanFile.Read(file).Layers.Select(l => (l.Name, l.Parameters)));
    }

    [Fact]
    public void Auto_is_never_worse_than_a_method_at_the_same_parameters()
    {
        ModelSource model = Vision();
        double auto = Run(model, FactorMethod.Auto, new RankRule.KeepRatio(0.3)).Layers.Single(l => l.Name == Weight).RelativeError!.Value;
        foreach (FactorMethod method in Enum.GetValues<FactorMethod>().Except([FactorMethod.Auto, FactorMethod.TensorTrain, FactorMethod.Pivoted]))
            Assert.InRange(auto, 0, Run(model, method, new RankRule.KeepRatio(0.3)).Layers.Single(l => l.Name == Weight).RelativeError!.Value * (1 + 1e-6));
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void Energy_is_an_error_that_is_kept(FactorMethod method)
    {
        FactorizationResult result = Run(Vision(planted: true), method, new RankRule.Energy(0.99));
        LayerFactorization layer = result.Layers.Single(l => l.Name == Weight);
        Assert.Equal(KeepReason.None, layer.Reason);
        Assert.InRange(layer.RelativeError!.Value, 0, 0.1 + 1e-6);
    }

    [Fact]
    public void What_stays_says_why()
    {
        FactorizationResult result = Run(Vision(), FactorMethod.Tucker, new RankRule.KeepRatio(0.5));
        Dictionary<string, LayerFactorization> layers = result.Layers.ToDictionary(l => l.Name);
        Assert.Equal(KeepReason.Grouped, layers["net.depthwise.weight"].Reason);
        Assert.Equal((KeepReason.None, "Tucker"), (layers["net.signal.weight"].Reason, layers["net.signal.weight"].Method));
        Assert.Equal(KeepReason.NotLinear, layers["net.experts.weight"].Reason);
        Assert.Equal((KeepReason.None, "Svd"), (layers["net.point.weight"].Reason, layers["net.point.weight"].Method));
        Assert.Equal(KeepReason.None, layers["head.weight"].Reason);
        FactorizationResult plain = new FactorizeModel(new FactorizeOptions { Rule = new RankRule.KeepRatio(0.5), OutputPath = _folder["plain"], Force = true }).Run(Vision());
        Assert.All(plain.Layers.Where(l => l.Name.StartsWith("net.", StringComparison.Ordinal)), l => Assert.Equal(KeepReason.NotLinear, l.Reason));
    }

    [Fact]
    public void The_same_input_gives_the_same_bytes_whatever_the_thread_count()
    {
        ModelSource model = Vision();
        byte[][] files = [.. new[] { 1, 2 }.Select(threads => File.ReadAllBytes(new FactorizeModel(new FactorizeOptions
        {
            Rule = new RankRule.KeepRatio(0.4), Method = FactorMethod.Auto, OutputPath = _folder[$"t{threads}"], Svd = new SvdOptions { ThreadCount = threads },
        }).Run(model).Path))];
        Assert.Equal(files[0], files[1]);
    }

    [Theory]
    [InlineData("Tucker")]
    [InlineData("Cp")]
    public void Parts_together_are_one_run(string method)
    {
        ModelSource model = Vision();
        FactorizeOptions options = new() { Rule = new RankRule.KeepRatio(0.4), Method = Enum.Parse<FactorMethod>(method), OutputPath = _folder["whole"] };
        byte[] whole = File.ReadAllBytes(new FactorizeModel(options).Run(model).Path);
        FactorizeOptions parts = options with { OutputPath = _folder["parts"] };
        string path = "";
        foreach (int number in new[] { 1, 2 })
            path = new FactorizePart(parts, new PartNumber(number, 2)).Run(model).Path;
        FactorizationResult joined = new JoinParts(new JoinPartsOptions()).Run(Path.GetDirectoryName(path)!);
        Assert.Equal(whole, File.ReadAllBytes(joined.Path));
    }

    [Theory]
    [InlineData("\"Ranks\":[5,5]", "\"Ranks\":[5,4]")]
    [InlineData("\"Ranks\":[5,5]", "\"Ranks\":[5]")]
    [InlineData("\"Ranks\":[5,5]", "\"Ranks\":[5,99999999999999]")]
    [InlineData("\"Method\":\"Tucker\"", "\"Method\":\"Ticker\"")]
    [InlineData("\"Shape\":[16,12,3,3]", "\"Shape\":[16,12,3,99999999999]")]
    [InlineData("\"Shape\":[16,12,3,3]", "\"Shape\":[16,12,9]")]
    public void A_record_that_lies_of_a_chain_is_refused(string from, string to)
    {
        FactorizationResult result = Run(Vision(), FactorMethod.Tucker, new RankRule.Fixed(5));
        string text;
        using (TensorFile file = TensorFiles.Open(result.Path))
            text = file.Metadata[FactorizationRecord.MetadataKey];
        Assert.Contains(from, text, StringComparison.Ordinal);
        (string, long[], float[])[] tensors = [.. TestModel.Read(result.Path).Select(t => (t.Key, t.Value.Shape, t.Value.Values))];
        string lying = TestModel.Write(_folder["lying/m.safetensors"], new Dictionary<string, string> { [FactorizationRecord.MetadataKey] = text.Replace(from, to, StringComparison.Ordinal) }, tensors);
        Assert.Equal(CoreErrors.FactorsInconsistent, Assert.Throws<LowRankToolsException>(() => Merged(lying)).ErrorId);
    }

    [Fact]
    public void Options_that_contradict_each_other_are_refused()
    {
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() =>
            new MakePlan(new PlanOptions { Rule = new RankRule.TargetSpeedup(2), Method = FactorMethod.Tucker }).Run(Vision())).ErrorId);
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() =>
            new MakePlan(new PlanOptions { Rule = new RankRule.Fixed(2), Method = FactorMethod.Tucker, IsAdapter = true }).Run(Vision())).ErrorId);
    }

    private ModelSource Vision(bool planted = false) => new(TestModel.Write(_folder["in/m.safetensors"],
        planted ? Planted(Weight, 16, 12) : TestModel.Random(Weight, 1, 16, 12, 3, 3), TestModel.Random(Bias, 2, 16), TestModel.Random("net.depthwise.weight", 3, 16, 1, 3, 3),
        TestModel.Random("net.point.weight", 4, 24, 16, 1, 1), TestModel.Random("net.signal.weight", 5, 16, 12, 5), TestModel.Random(Volume, 9, 10, 8, 2, 3, 3), TestModel.Random("net.experts.weight", 8, 34, 6, 40), TestModel.Random("head.weight", 6, 20, 24)), "m");

    // A kernel that every method has a short chain for: a sum of two products of one vector a side.
    private static (string Name, long[] Shape, float[] Values) Planted(string name, int outputs, int channels)
    {
        ConvolutionMethod cp = ConvolutionMethods.Find("Cp");
        IReadOnlyList<ConvolutionStage> stages = cp.Stages(new KernelShape(outputs, channels, 3, 3), [2]);
        using ConvolutionChain chain = new(stages, [.. stages.Select((s, i) => Tensor.From(TestModel.Random("", 30 + i, [.. s.Shape.Select(n => (long)n)]).Values, s.Shape))]);
        using Tensor kernel = chain.ToDense();
        return (name, [outputs, channels, 3, 3], [.. kernel.Values.ToArray().Select(v => (float)v)]);
    }

    private FactorizationResult Run(ModelSource model, FactorMethod method, RankRule rule) =>
        new FactorizeModel(new FactorizeOptions { Rule = rule, Method = method, OutputPath = _folder["out"], Force = true }).Run(model);

    private string Merged(string path) => new MergeModel(new MergeOptions { OutputPath = _folder["merged"], Force = true }).Run(new ModelSource(path, "m")).Path;

    private static IReadOnlyList<LayerShape> Layers(string path)
    {
        using Model model = Model.Open(new ModelSource(path, "m"));
        return [.. model.Layers.Select(l => l.Shape)];
    }
}
