using LowRankTools.Core.Comparison;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Parts;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Planning.Candidates;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Decompositions.TensorTrainMatrices;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Quantization;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Tests.Factorization;

/// <summary>Matrices of linear layers and embeddings as TT-matrices in files.</summary>
public sealed class TensorTrainFactorizationTests : IDisposable
{
    private const string Weight = "block.fc.weight", Bias = "block.fc.bias", Table = "tokens.embedding.weight";

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_layer_becomes_cores_that_merge_to_what_the_result_says()
    {
        ModelSource model = Model();
        FactorizationResult result = Run(model, new RankRule.KeepRatio(0.4));
        Dictionary<string, (long[] Shape, float[] Values)> before = TestModel.Read(model.Path), written = TestModel.Read(result.Path), merged = TestModel.Read(Merged(result.Path));
        foreach (string name in new[] { Weight, Table })
        {
            LayerFactorization layer = result.Layers.Single(l => l.Name == name);
            Assert.Equal((KeepReason.None, "TensorTrain"), (layer.Reason, layer.Method));
            Assert.InRange(layer.Parameters, 1, (long)(0.4 * layer.ParametersBefore));
            Assert.DoesNotContain(name, written.Keys);
            Assert.Equal(layer.Parameters, written.Where(t => t.Key.StartsWith(name + ".core", StringComparison.Ordinal)).Sum(t => t.Value.Values.LongLength));
            Assert.Equal(before[name].Shape, merged[name].Shape);
            Assert.Equal(TestModel.RelativeError(before[name].Values, [.. merged[name].Values.Select(v => (double)v)]), layer.RelativeError!.Value, 1e-6);
            Assert.Equal(layer.RelativeError.Value, new CompareModels(withRank: false).Run(model, new ModelSource(result.Path, "m")).Single(d => d.Name == name).RelativeError!.Value, 1e-6);
        }
        Assert.Equal(before[Bias].Values, written[Bias].Values);
        Assert.Equal(before.Keys.Order(StringComparer.Ordinal), merged.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_planted_train_comes_back_exactly_and_is_found_by_its_error()
    {
        ModelSource model = Model(planted: true);
        FactorizationResult result = Run(model, new RankRule.Energy(1 - 1e-8));
        LayerFactorization layer = result.Layers.Single(l => l.Name == Weight);
        Assert.Equal("3 x 3", layer.Ranks!.ToString());
        Assert.InRange(layer.RelativeError!.Value, 0, 1e-5);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_rank_by_hand_is_that_of_every_bond(bool budget)
    {
        ModelSource model = Model();
        PlanOptions options = new()
        {
            Rule = budget ? new RankRule.TargetReduction(2) : new RankRule.KeepRatio(0.4), Method = FactorMethod.TensorTrain, UseCache = false,
            Overrides = [new LayerOverride(Weight, n => n == Weight, 3)],
        };
        RankPlan plan = new MakePlan(options).Run(model);
        Dictionary<string, LayerPlan> layers = plan.Layers.ToDictionary(l => l.Name);
        Assert.Equal(("TensorTrain", "3 x 3"), (layers[Weight].Method, layers[Weight].Ranks!.ToString()));
        FactorizationResult result = new FactorizeModel(new FactorizeOptions { Plan = plan, OutputPath = _folder["hand.safetensors"] }).Run(model);
        Assert.Equal("3 x 3", result.Layers.Single(l => l.Name == Weight).Ranks!.ToString());
        RankPlan dense = new MakePlan(options with { Rule = new RankRule.KeepRatio(0.4), Overrides = [new LayerOverride(Weight, n => n == Weight, null)] }).Run(model);
        Assert.Equal((KeepReason.ByHand, (int?)null), (dense.Layers.Single(l => l.Name == Weight).Reason, dense.Layers.Single(l => l.Name == Weight).Rank));
    }

    [Fact]
    public void A_plan_holds_modes_and_ranks_and_is_carried_out_as_it_was_read()
    {
        ModelSource model = Model();
        PlanOptions options = new() { Rule = new RankRule.KeepRatio(0.3), Method = FactorMethod.TensorTrain, Splits = [ModeSplits.Parse("2x4x8")], UseCache = false };
        RankPlan plan = new MakePlan(options).Run(model);
        LayerPlan layer = plan.Layers.Single(l => l.Name == Weight);
        Assert.Equal("TensorTrain(4x6x4, 2x4x8)", layer.Method);
        RankPlan read = RankPlanFile.Parse(RankPlanFile.ToFile(plan), "p.json");
        Assert.Equal((layer.Method, layer.Ranks, layer.Parameters, layer.Flops), (read.Layers.Single(l => l.Name == Weight).Method, read.Layers.Single(l => l.Name == Weight).Ranks, read.Layers.Single(l => l.Name == Weight).Parameters, read.Layers.Single(l => l.Name == Weight).Flops));
        FactorizationResult result = new FactorizeModel(new FactorizeOptions { Plan = read, OutputPath = _folder["planned.safetensors"] }).Run(model);
        LayerFactorization made = result.Layers.Single(l => l.Name == Weight);
        Assert.Equal(layer.RelativeError!.Value, made.RelativeError!.Value, 1e-6);
        Assert.Equal([1, 4, 2, layer.Ranks![0]], TestModel.Read(result.Path)[Weight + ".core0"].Shape);
        LayerPlan edited = read.Layers.Single(l => l.Name == Weight);
        edited.Rank = 2;
        Assert.Equal("2 x 2", edited.Ranks!.ToString());
        Assert.Equal(CoreErrors.RankExceedsLayer, Assert.Throws<LowRankToolsException>(() => edited.Rank = 33).ErrorId);
    }

    [Fact]
    public void Auto_takes_the_train_where_it_loses_less_and_the_pair_where_that_does()
    {
        ModelSource planted = Model(planted: true), plain = Model();
        FactorizeOptions auto = new() { Rule = new RankRule.KeepRatio(0.3), Method = FactorMethod.Auto, Force = true };
        LayerFactorization train = new FactorizeModel(auto with { OutputPath = _folder["a.safetensors"] }).Run(planted).Layers.Single(l => l.Name == Weight);
        LayerFactorization pair = new FactorizeModel(auto with { OutputPath = _folder["b.safetensors"] }).Run(plain).Layers.Single(l => l.Name == Weight);
        Assert.Equal("TensorTrain", train.Method);
        Assert.Equal(1, pair.Ranks!.Count);
        Assert.NotEqual("TensorTrain", pair.Method);
    }

    [Theory]
    [InlineData(FactorMethod.TensorTrain)]
    [InlineData(FactorMethod.Auto)]
    public void A_budget_is_shared_out_among_trains(FactorMethod method)
    {
        ModelSource model = Model(planted: true);
        RankPlan plan = new MakePlan(new PlanOptions { Rule = new RankRule.TargetReduction(3), Method = method, UseCache = false, Selection = new LayerSelection { IncludeEmbedding = true } }).Run(model);
        Assert.InRange(plan.Parameters, 1, plan.ParametersBefore / 3);
        Assert.Contains(plan.Layers, l => l.Method == "TensorTrain");
        FactorizationResult result = new FactorizeModel(new FactorizeOptions { Plan = plan, OutputPath = _folder["budget.safetensors"] }).Run(model);
        foreach (LayerPlan layer in plan.Layers.Where(l => l.Rank is not null))
            Assert.Equal(layer.RelativeError!.Value, result.Layers.Single(l => l.Name == layer.Name).RelativeError!.Value, 1e-3);
    }

    [Fact]
    public void Cores_are_listed_as_factors_of_their_layer()
    {
        FactorizationResult result = Run(Model(), new RankRule.Fixed(4));
        using Model model = LowRankTools.Core.Models.Model.Open(new ModelSource(result.Path, "m"));
        LayerShape[] cores = [.. model.Layers.Select(l => l.Shape).Where(s => s.Name.Contains(".core", StringComparison.Ordinal))];
        Assert.Equal(6, cores.Length);
        Assert.All(cores, c => Assert.Equal(4, c.Rank));
        Assert.All(cores, c => Assert.Equal(c.Name.StartsWith(Table, StringComparison.Ordinal) ? LayerKind.Embedding : LayerKind.Linear, c.Kind));
    }

    [Fact]
    public void Bytes_do_not_depend_on_threads()
    {
        ModelSource model = Model();
        byte[] Bytes(int threads, string name) => File.ReadAllBytes(new FactorizeModel(new FactorizeOptions
        {
            Rule = new RankRule.KeepRatio(0.4), Method = FactorMethod.TensorTrain, OutputPath = _folder[name], Svd = new SvdOptions { ThreadCount = threads },
        }).Run(model).Path);
        Assert.Equal(Bytes(1, "one.safetensors"), Bytes(3, "three.safetensors"));
    }

    [Theory]
    [InlineData("\"Ranks\":[4,4]", "\"Ranks\":[4,5]")]
    [InlineData("\"Ranks\":[4,4]", "\"Ranks\":[4]")]
    [InlineData("\"Method\":\"TensorTrain\"", "\"Method\":\"TensorTrain(4x6x4, 4x4x5)\"")]
    [InlineData("\"Method\":\"TensorTrain\"", "\"Method\":\"TensorTrain(99999x99999x99999, 4x4x4)\"")]
    [InlineData("\"Shape\":[96,64]", "\"Shape\":[64,96]")]
    public void A_record_that_the_file_does_not_bear_out_is_refused(string from, string to)
    {
        FactorizationResult result = Run(Model(), new RankRule.Fixed(4));
        string text;
        using (TensorFile file = TensorFiles.Open(result.Path))
            text = file.Metadata[FactorizationRecord.MetadataKey];
        Assert.Contains(from, text, StringComparison.Ordinal);
        (string, long[], float[])[] tensors = [.. TestModel.Read(result.Path).Select(t => (t.Key, t.Value.Shape, t.Value.Values))];
        string lying = TestModel.Write(_folder["lying/m.safetensors"], new Dictionary<string, string> { [FactorizationRecord.MetadataKey] = text.Replace(from, to, StringComparison.Ordinal) }, tensors);
        Assert.Equal(CoreErrors.FactorsInconsistent, Assert.Throws<LowRankToolsException>(() => Merged(lying)).ErrorId);
    }

    [Fact]
    public void Parts_together_are_one_run()
    {
        ModelSource model = Model();
        FactorizeOptions options = new() { Rule = new RankRule.KeepRatio(0.4), Method = FactorMethod.TensorTrain, OutputPath = _folder["whole"], Selection = new LayerSelection { IncludeEmbedding = true } };
        byte[] whole = File.ReadAllBytes(new FactorizeModel(options).Run(model).Path);
        string path = "";
        foreach (int number in new[] { 1, 2 })
            path = new FactorizePart(options with { OutputPath = _folder["parts"] }, new PartNumber(number, 2)).Run(model).Path;
        Assert.Equal(whole, File.ReadAllBytes(new JoinParts(new JoinPartsOptions()).Run(Path.GetDirectoryName(path)!).Path));
    }

    [Theory]
    [InlineData("Quantize")]
    [InlineData("Splits")]
    [InlineData("SplitsOfNothing")]
    public void What_cores_cannot_be_is_refused(string what)
    {
        FactorizeOptions options = new() { Rule = new RankRule.KeepRatio(0.4), Method = FactorMethod.TensorTrain, OutputPath = _folder["refused"] };
        options = what switch
        {
            "Quantize" => options with { Quantize = WeightQuantization.Q8_0 },
            "Splits" => options with { Method = FactorMethod.Svd, Splits = [[8, 8]] },
            "SplitsOfNothing" => options with { Splits = [[8, 8], [5, 5]] },
            _ => throw new ArgumentOutOfRangeException(nameof(what)),
        };
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => new FactorizeModel(options).Run(Model())).ErrorId);
    }

    private FactorizationResult Run(ModelSource model, RankRule rule) => new FactorizeModel(new FactorizeOptions
    {
        Rule = rule, Method = FactorMethod.TensorTrain, OutputPath = _folder["out"], Force = true, Selection = new LayerSelection { IncludeEmbedding = true },
    }).Run(model);

    private string Merged(string path) => new MergeModel(new MergeOptions { OutputPath = _folder["merged"], Force = true }).Run(new ModelSource(path, "m")).Path;

    /// <summary>A linear layer of rank 5, or a TT-matrix of ranks 3, its bias, and a table.</summary>
    private ModelSource Model(bool planted = false)
    {
        (string, long[], float[]) weight = planted ? (Weight, [96, 64], Planted()) : TestModel.WithSpectrum(Weight, 1, 96, 64, 5, 4, 3, 2, 1);
        return new ModelSource(TestModel.Write(_folder[$"model{planted}/m.safetensors"], weight, TestModel.Random(Bias, 2, 96), TestModel.Random(Table, 3, 80, 64)), "m");
    }

    private static float[] Planted()
    {
        TensorTrainLayer method = new();
        int[] shape = [96, 64], ranks = [3, 3];
        Tensor[] cores = [.. method.Factors(shape, ranks).Select((f, k) =>
            Tensor.From(TestModel.Random("core", 10 + k, [.. f.Shape.Select(n => (long)n)]).Values, [.. f.Shape]))];
        using Tensor dense = method.Dense(shape, ranks, cores);
        return [.. dense.Values.ToArray().Select(v => (float)v)];
    }
}
