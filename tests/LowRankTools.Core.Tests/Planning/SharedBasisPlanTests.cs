using System.Text.Json;
using System.Text.Json.Nodes;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Parts;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Tests.Calibration;
using LowRankTools.Formats;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Planning;

/// <summary>Plans in which layers share bases: one decision for a group, in memory, as a file and carried out.</summary>
public sealed class SharedBasisPlanTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_budget_is_shared_out_between_groups_at_their_own_cost_and_kept()
    {
        ModelSource model = Model();
        RankPlan plan = Plan(model, new RankRule.TargetReduction(2));
        Assert.True(plan.IsOptimal);
        Assert.InRange(plan.Parameters, 1, plan.ParametersBefore / 2);
        Assert.Equal([null, "h.0.fc.weight", null, "h.2.fc.weight", null], plan.Layers.Select(l => l.Basis));
        foreach (LayerPlan first in plan.Layers.Where(l => l.Rank is not null && plan.Layers.Any(o => o.Basis == l.Name)))
        {
            Assert.Equal(first.Rank!.Value * 50L, first.Parameters);
            Assert.All(plan.Layers.Where(l => l.Basis == first.Name), l => Assert.Equal((first.Rank, first.Rank!.Value * 30L), (l.Rank, l.Parameters)));
        }
        FactorizationResult result = new FactorizeModel(new FactorizeOptions { Plan = plan, OutputPath = _folder["out"] }).Run(model);
        Assert.Equal((plan.ModelParameters, plan.ModelBytes), (result.Parameters, result.Bytes));
        // What was predicted of the groups is what was measured.
        double lost = result.Layers.Zip(plan.Layers).Sum(l => Math.Pow((l.First.RelativeError ?? 0) * Norm(model, l.First.Name), 2)), all = plan.Layers.Where(l => l.Rank is not null).Sum(l => Math.Pow(Norm(model, l.Name), 2));
        Assert.Equal(plan.NormError!.Value, Math.Sqrt(lost / all), 1e-4);
    }

    [Fact]
    public void A_rank_set_by_hand_is_the_whole_groups_and_may_exceed_one_layers_smaller_side()
    {
        ModelSource model = new(TestModel.Write(_folder["in/m.safetensors"], TestModel.Random("h.0.fc.weight", 1, 8, 40), TestModel.Random("h.1.fc.weight", 2, 8, 40)), "m");
        RankPlan plan = Plan(model, new RankRule.Fixed(3));
        plan.Layers[1].Rank = 10;
        Assert.Equal([10, 10], plan.Layers.Select(l => l.Rank));
        RankPlan read = Again(plan);
        Assert.Equal([10, 10], read.Layers.Select(l => l.Rank));
        Assert.Equal(10 * (40 + 8 + 8), new FactorizeModel(new FactorizeOptions { Plan = read, OutputPath = _folder["out"] }).Run(model).Layers.Sum(l => l.Parameters));
        Assert.Equal(CoreErrors.RankExceedsLayer, Assert.Throws<LowRankToolsException>(() => plan.Layers[0].Rank = 17).ErrorId);
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => plan.Layers[0].SetChain("TensorTrain", 2)).ErrorId);
        plan.Layers[0].Rank = null;
        Assert.All(plan.Layers, l => Assert.Null(l.Rank));
    }

    [Fact]
    public void A_plan_from_a_file_makes_the_bytes_of_the_rule()
    {
        ModelSource model = Model();
        RankPlan plan = Again(Plan(model, new RankRule.KeepRatio(0.5)));
        Assert.Equal(RankPlan.CurrentVersion, plan.Version);
        byte[] planned = Bytes(new FactorizeOptions { Plan = plan, OutputPath = _folder["planned"] }), ruled = Bytes(new FactorizeOptions { Rule = new RankRule.KeepRatio(0.5), ShareBasis = 2, OutputPath = _folder["ruled"] });
        Assert.Equal(ruled, planned);
        byte[] Bytes(FactorizeOptions options) => File.ReadAllBytes(new FactorizeModel(options).Run(model).Path);
    }

    [Fact]
    public void The_schema_holds_for_them()
    {
        using JsonDocument schema = JsonDocument.Parse(File.ReadAllText(Path.Combine(RankPlanFileTests.RepositoryRoot(), "docs", "rank-plan.schema.json"))), document = JsonDocument.Parse(RankPlanFile.ToFile(Plan(Model(), new RankRule.Fixed(4))));
        SchemaCheck.Valid(schema.RootElement, document.RootElement);
    }

    public static TheoryData<string, Action<JsonArray>> Lies => new()
    {
        { "no such layer", l => l[1]!["Basis"] = "h.9.fc.weight" },
        { "itself", l => l[1]!["Basis"] = "h.1.fc.weight" },
        { "a circle", l => l[0]!["Basis"] = "h.1.fc.weight" },
        { "another rank", l => l[1]!["Rank"] = 3 },
        { "another shape", l => (l[1]!["Rows"], l[1]!["Columns"], l[1]!["Shape"]) = (20, 30, new JsonArray(20, 30)) },
        { "tied too", l => l[1]!["TiedTo"] = "h.0.fc.weight" },
        { "quantised", l => l[1]!["Quantization"] = "Int8" },
        { "a rank above that of all together", l => (l[0]!["Rank"], l[1]!["Rank"]) = (21, 21) },
    };

    [Theory]
    [MemberData(nameof(Lies))]
    public void A_file_that_makes_no_sense_is_refused(string what, Action<JsonArray> change)
    {
        JsonObject document = JsonNode.Parse(RankPlanFile.ToFile(Plan(Model(), new RankRule.Fixed(4))))!.AsObject();
        change(document["Layers"]!.AsArray());
        File.WriteAllText(_folder["lie.plan.json"], document.ToJsonString());
        LowRankToolsException error = Assert.Throws<LowRankToolsException>(() => RankPlanFile.Read(_folder["lie.plan.json"]));
        Assert.True(error.ErrorId == CoreErrors.PlanInvalid, $"{what}: {error.ErrorId}");
    }

    [Fact]
    public void On_another_model_its_groups_must_be_there_too()
    {
        RankPlan plan = Plan(Model(), new RankRule.Fixed(4));
        ModelSource other = new(TestModel.Write(_folder["other/m.safetensors"], [.. Enumerable.Range(0, 5).Select(i => TestModel.Random($"h.{i}.fc.weight", i, i == 1 ? 40 : 30, 20))]), "m");
        Assert.Equal(CoreErrors.PlanInvalid, Assert.Throws<LowRankToolsException>(() => new FactorizeModel(new FactorizeOptions { Plan = plan, AnyModel = true, OutputPath = _folder["out"] }).Run(other)).ErrorId);
    }

    [Fact]
    public void What_does_not_go_together_with_it_is_refused()
    {
        ModelSource model = Model();
        string Id(Action act) => Assert.Throws<LowRankToolsException>(act).ErrorId;
        PlanOptions options = new() { Rule = new RankRule.Fixed(4), ShareBasis = 2, UseCache = false };
        foreach (PlanOptions wrong in new[] { options with { ShareBasis = 1 }, options with { IsAdapter = true }, options with { Method = FactorMethod.Tucker }, options with { Rule = new RankRule.TargetSpeedup(2) } })
            Assert.Equal(CoreErrors.OptionInvalid, Id(() => new MakePlan(wrong).Run(model)));
        Assert.Equal(CoreErrors.OptionInvalid, Id(() => new MakePlan(options).Run([new MatrixShape(9, 8)])));
        RankPlan plan = new MakePlan(options).Run(model);
        FactorizeOptions use = new() { Plan = plan, OutputPath = _folder["out"] };
        Assert.Equal(CoreErrors.OptionInvalid, Id(() => new FactorizeModel(use with { ShareBasis = 2 }).Run(model)));
        Assert.Equal(CoreErrors.OptionInvalid, Id(() => new FactorizeModel(use with { Format = ModelFormat.Gguf }).Run(model)));
        Assert.Equal(CoreErrors.OptionInvalid, Id(() => new FactorizePart(use, PartNumber.Parse("1/2")).Run(model)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Calibrated_it_predicts_what_the_group_loses_on_the_inputs_of_all_its_layers(bool gradients)
    {
        ModelSource model = Model();
        string file = CalibrationFiles.Write(_folder["c.safetensors"], [.. Enumerable.Range(0, 5).SelectMany(i => Parts(i, gradients))]);
        RankPlan plan = new MakePlan(new PlanOptions { Rule = new RankRule.TargetReduction(2), ShareBasis = 2, Weighting = Weighting.Calibrated, Calibration = new CalibrationOptions { Path = file }, UseCache = false }).Run(model);
        Assert.Equal(SpectrumOrigin.Calibration, plan.Spectrum);
        Assert.InRange(plan.Parameters, 1, plan.ParametersBefore / 2);
        Assert.NotNull(plan.RelativeError);
        FactorizationResult result = new FactorizeModel(new FactorizeOptions { Plan = Again(plan), OutputPath = _folder["out"] }).Run(model);
        Assert.All(result.Layers.Where(l => l.Rank is not null), l => Assert.NotNull(l.CalibratedError));
        Assert.Equal(plan.Layers.Select(l => (l.Rank, l.Basis)), result.Layers.Select(l => (l.Rank, l.Basis)));
    }

    private static (string, LowRankTools.Formats.Tensors.TensorDType, double[,], bool)[] Parts(int layer, bool gradients)
    {
        (string, LowRankTools.Formats.Tensors.TensorDType, double[,], bool) count = CalibrationFiles.Tensor($"h.{layer}.fc.count", new double[,] { { 60 } }, vector: true), inputs = CalibrationFiles.Gram($"h.{layer}.fc", Dense.Inputs(layer + 1, 20, 60));
        return gradients ? [count, inputs, CalibrationFiles.Gram($"h.{layer}.fc", Dense.Inputs(layer + 9, 30, 60), part: "output_gram")] : [count, inputs];
    }

    private static RankPlan Plan(ModelSource model, RankRule rule) => new MakePlan(new PlanOptions { Rule = rule, ShareBasis = 2, UseCache = false }).Run(model);

    private RankPlan Again(RankPlan plan)
    {
        File.WriteAllBytes(_folder["again.plan.json"], RankPlanFile.ToFile(plan));
        return RankPlanFile.Read(_folder["again.plan.json"]);
    }

    private ModelSource Model() => new(TestModel.Write(_folder["in/m.safetensors"], [.. Enumerable.Range(0, 5).Select(i => TestModel.WithSpectrum($"h.{i}.fc.weight", i, 30, 20, [.. Enumerable.Range(1, 18).Select(k => 9 * Math.Pow(k, -0.3 * (i + 1)))]))]), "m");

    private static double Norm(ModelSource model, string layer) => Math.Sqrt(TestModel.Read(model.Path)[layer].Values.Sum(v => (double)v * v));
}
