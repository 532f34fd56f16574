using LowRankTools.Core.Comparison;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Parts;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Core.Tests.Calibration;
using LowRankTools.Formats;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Quantization;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Tests.Factorization;

/// <summary>Pairs written as rows and combinations of them.</summary>
public sealed class PivotedFactorizationTests : IDisposable
{
    private const string Weight = "block.fc.weight", Bias = "block.fc.bias", Square = "block.out.weight", Table = "tokens.embedding.weight";

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_layer_becomes_factors_that_merge_to_what_the_result_says()
    {
        ModelSource model = Model();
        FactorizationResult result = Run(model, new RankRule.KeepRatio(0.5));
        Dictionary<string, (long[] Shape, float[] Values)> before = TestModel.Read(model.Path), written = TestModel.Read(result.Path), merged = TestModel.Read(Merged(result.Path));
        foreach (string name in new[] { Weight, Square })
        {
            LayerFactorization layer = result.Layers.Single(l => l.Name == name);
            Assert.Equal((KeepReason.None, "Pivoted"), (layer.Reason, layer.Method));
            Assert.InRange(layer.Parameters, 1, (long)(0.5 * layer.ParametersBefore));
            Assert.Equal(layer.Parameters, written.Where(t => t.Key.StartsWith(name + ".", StringComparison.Ordinal)).Sum(t => t.Value.Values.LongLength));
            Assert.Equal(TestModel.RelativeError(before[name].Values, [.. merged[name].Values.Select(v => (double)v)]), layer.RelativeError!.Value, 1e-6);
            Assert.Equal(layer.RelativeError.Value, new CompareModels(withRank: false).Run(model, new ModelSource(result.Path, "m")).Single(d => d.Name == name).RelativeError!.Value, 1e-6);
        }
        Assert.Equal(before[Bias].Values, written[Bias].Values);
        Assert.Equal(before.Keys.Order(StringComparer.Ordinal), merged.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void At_the_rank_of_a_pair_it_loses_as_much_and_has_fewer_numbers()
    {
        ModelSource model = Model();
        FactorizeOptions options = new() { Rule = new RankRule.Fixed(12), OutputPath = _folder["pair"] };
        LayerFactorization pair = new FactorizeModel(options).Run(model).Layers.Single(l => l.Name == Square);
        LayerFactorization pivoted = new FactorizeModel(options with { Method = FactorMethod.Pivoted, OutputPath = _folder["pivoted"] }).Run(model).Layers.Single(l => l.Name == Square);
        Assert.Equal(pair.RelativeError!.Value, pivoted.RelativeError!.Value, 1e-6);
        Assert.Equal(pair.Parameters - (12 * 12) + 64, pivoted.Parameters);
    }

    [Fact]
    public void A_budget_is_shared_out_better_than_among_pairs_and_kept_as_planned()
    {
        ModelSource model = Model();
        PlanOptions options = new() { Rule = new RankRule.TargetReduction(1.5), UseCache = false };
        RankPlan pairs = new MakePlan(options).Run(model), plan = new MakePlan(options with { Method = FactorMethod.Pivoted }).Run(model);
        Assert.InRange(plan.Layers.Where(l => l.IsChosen).Sum(l => l.Parameters), 1, plan.Layers.Where(l => l.IsChosen).Sum(l => l.ParametersBefore) / 1.5);
        Assert.True(plan.Layers.Sum(Lost) < pairs.Layers.Sum(Lost));
        RankPlan read = RankPlanFile.Parse(RankPlanFile.ToFile(plan), "p.json");
        FactorizationResult result = new FactorizeModel(new FactorizeOptions { Plan = read, OutputPath = _folder["budget.safetensors"] }).Run(model);
        foreach (LayerPlan layer in plan.Layers.Where(l => l.Rank is not null))
            Assert.Equal(layer.RelativeError!.Value, result.Layers.Single(l => l.Name == layer.Name).RelativeError!.Value, 1e-4);
    }

    [Fact]
    public void A_rank_that_no_layer_has_leaves_it_dense_as_it_does_of_a_pair()
    {
        ModelSource model = Model();
        RankPlan plan = new MakePlan(new PlanOptions { Rule = new RankRule.Fixed(64), Method = FactorMethod.Pivoted, UseCache = false }).Run(model);
        Assert.All(plan.Layers.Where(l => l.Name is Weight or Square), l => Assert.Equal((null, KeepReason.BreakEven), (l.Rank, l.Reason)));
        Assert.Equal(CoreErrors.NothingToFactorize, Assert.Throws<LowRankToolsException>(() => Run(model, new RankRule.Fixed(64))).ErrorId);
    }

    [Fact]
    public void It_has_ranks_where_a_pair_has_more_parameters_than_the_matrix()
    {
        RankPlan plan = new MakePlan(new PlanOptions { Rule = new RankRule.KeepRatio(0.95), Method = FactorMethod.Pivoted, UseCache = false }).Run(Model());
        LayerPlan layer = plan.Layers.Single(l => l.Name == Square);
        Assert.True(layer.Rank > 32);
        Assert.InRange(layer.Parameters, 1, (long)(0.95 * 64 * 64));
    }

    [Fact]
    public void A_calibrated_pair_stays_what_it_is()
    {
        ModelSource model = Model();
        FactorizeOptions options = new() { Rule = new RankRule.Fixed(12), Calibration = new CalibrationOptions { Path = Calibration() }, OutputPath = _folder["pair"], Selection = new LayerSelection { Include = [n => n == Square] } };
        FactorizationResult first = new FactorizeModel(options).Run(model), second = new FactorizeModel(options with { Method = FactorMethod.Pivoted, OutputPath = _folder["pivoted"] }).Run(model);
        LayerFactorization pair = first.Layers.Single(l => l.Name == Square), pivoted = second.Layers.Single(l => l.Name == Square);
        Assert.Equal(pair.CalibratedError!.Value, pivoted.CalibratedError!.Value, 1e-6);
        Assert.Equal(pair.RelativeError!.Value, pivoted.RelativeError!.Value, 1e-6);
        float[] one = TestModel.Read(Merged(first.Path))[Square].Values, two = TestModel.Read(Merged(second.Path))[Square].Values;
        Assert.InRange(TestModel.RelativeError(one, [.. two.Select(v => (double)v)]), 0, 1e-5);
    }

    [Fact]
    public void Embeddings_become_pairs()
    {
        FactorizationResult result = new FactorizeModel(new FactorizeOptions
        {
            Rule = new RankRule.Fixed(8), Method = FactorMethod.Pivoted, OutputPath = _folder["table"], Selection = new LayerSelection { IncludeEmbedding = true },
        }).Run(Model());
        Assert.Contains(Table[..^".weight".Length] + ".0.weight", TestModel.Read(result.Path).Keys);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Bytes_do_not_depend_on_threads_or_parts(int parts)
    {
        ModelSource model = Model();
        FactorizeOptions options = new() { Rule = new RankRule.KeepRatio(0.5), Method = FactorMethod.Pivoted, OutputPath = _folder["whole"], Svd = new SvdOptions { ThreadCount = 1 } };
        byte[] whole = File.ReadAllBytes(new FactorizeModel(options).Run(model).Path);
        if (parts == 0)
        {
            Assert.Equal(whole, File.ReadAllBytes(new FactorizeModel(options with { OutputPath = _folder["three"], Svd = new SvdOptions { ThreadCount = 3 } }).Run(model).Path));
            return;
        }
        string path = "";
        for (int number = 1; number <= parts; number++)
            path = new FactorizePart(options with { OutputPath = _folder["parts"] }, new PartNumber(number, parts)).Run(model).Path;
        Assert.Equal(whole, File.ReadAllBytes(new JoinParts(new JoinPartsOptions()).Run(Path.GetDirectoryName(path)!).Path));
    }

    [Theory]
    [InlineData("Quantize")]
    [InlineData("Graph")]
    [InlineData("FirstOrder")]
    public void What_it_cannot_be_is_refused(string what)
    {
        PlanOptions plan = new() { Rule = new RankRule.TargetReduction(2), Method = FactorMethod.Pivoted, Weighting = Weighting.FirstOrder, Calibration = new CalibrationOptions { Path = Calibration() } };
        FactorizeOptions options = new() { Rule = new RankRule.KeepRatio(0.4), Method = FactorMethod.Pivoted, OutputPath = _folder["refused"] };
        string id = Assert.Throws<LowRankToolsException>(() => _ = what switch
        {
            "Quantize" => (object)new FactorizeModel(options with { Quantize = WeightQuantization.Q8_0 }).Run(Model()),
            "Graph" => new FactorizeModel(options with { Format = ModelFormat.Gguf }).Run(Model()),
            "FirstOrder" => new MakePlan(plan).Run(Model()),
            _ => throw new ArgumentOutOfRangeException(nameof(what)),
        }).ErrorId;
        Assert.Equal(CoreErrors.OptionInvalid, id);
    }

    [Theory]
    [InlineData("\"Ranks\":[8]", "\"Ranks\":[9]")]
    [InlineData("\"Ranks\":[8]", "\"Ranks\":[8,8]")]
    [InlineData("\"Shape\":[96,64]", "\"Shape\":[64,96]")]
    public void A_record_that_the_file_does_not_bear_out_is_refused(string from, string to)
    {
        FactorizationResult result = Run(Model(), new RankRule.Fixed(8));
        Assert.Equal(CoreErrors.FactorsInconsistent, Assert.Throws<LowRankToolsException>(() => Merged(Rewritten(result.Path, from, to, t => t))).ErrorId);
    }

    [Fact]
    public void Pivots_that_are_none_are_refused()
    {
        FactorizationResult result = Run(Model(), new RankRule.Fixed(8));
        string lying = Rewritten(result.Path, "\"", "\"", t => t.Name == Weight + ".pivots" ? (t.Name, t.Shape, [.. t.Values.Select(v => v / 2)]) : t);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => Merged(lying)).ErrorId);
    }

    private string Calibration() => CalibrationFiles.Write(_folder["c.safetensors"], CalibrationFiles.Gram(Square[..^".weight".Length], Dense.Inputs(4, 64, 200)));

    private string Rewritten(string path, string from, string to, Func<(string Name, long[] Shape, float[] Values), (string, long[], float[])> change)
    {
        string text;
        using (TensorFile file = TensorFiles.Open(path))
            text = file.Metadata[FactorizationRecord.MetadataKey];
        Assert.Contains(from, text, StringComparison.Ordinal);
        (string, long[], float[])[] tensors = [.. TestModel.Read(path).Select(t => change((t.Key, t.Value.Shape, t.Value.Values)))];
        return TestModel.Write(_folder["lying/m.safetensors"], new Dictionary<string, string> { [FactorizationRecord.MetadataKey] = text.Replace(from, to, StringComparison.Ordinal) }, tensors);
    }

    private static double Lost(LayerPlan layer) => layer is { RelativeError: { } error, Norm: { } norm, Weight: { } weight } ? weight * error * error * norm * norm : 0;

    private FactorizationResult Run(ModelSource model, RankRule rule) => new FactorizeModel(new FactorizeOptions { Rule = rule, Method = FactorMethod.Pivoted, OutputPath = _folder["out"], Force = true }).Run(model);

    private string Merged(string path) => new MergeModel(new MergeOptions { OutputPath = _folder["merged"], Force = true }).Run(new ModelSource(path, "m")).Path;

    private ModelSource Model() => new(TestModel.Write(_folder["model/m.safetensors"], TestModel.Random(Weight, 1, 96, 64), TestModel.Random(Bias, 2, 96), TestModel.Random(Square, 4, 64, 64), TestModel.Random(Table, 3, 80, 64)), "m");
}
