using System.Text;
using System.Text.Json.Nodes;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Planning.Candidates;
using LowRankTools.Core.Plans;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Planning;

/// <summary>Plans of models with convolutions.</summary>
public sealed class ConvolutionPlanTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public static TheoryData<FactorMethod> Methods => [.. Enum.GetValues<FactorMethod>().Except([FactorMethod.TensorTrain, FactorMethod.Pivoted])];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Methods))]
    public void A_budget_is_kept_and_what_is_predicted_is_what_comes(FactorMethod method)
    {
        ModelSource model = Model();
        RankPlan plan = new MakePlan(Options(method, new RankRule.TargetReduction(2.5))).Run(model);
        Assert.True(plan.Parameters * 2.5 <= plan.ParametersBefore);
        Assert.Contains(plan.Layers, l => l.Kind == LayerKind.Conv2d && l.Rank is not null);
        FactorizationResult result = new FactorizeModel(new FactorizeOptions { Plan = plan, OutputPath = _folder["out"] }).Run(model);
        Assert.Equal(plan.ModelParameters, result.Parameters);
        Assert.Equal(plan.ModelBytes, result.Bytes);
        foreach ((LayerPlan planned, LayerFactorization made) in plan.Layers.Zip(result.Layers).Where(l => l.First.Rank is not null))
        {
            Assert.Equal((planned.Ranks, planned.Parameters), (made.Ranks, made.Parameters));
            Assert.Equal(planned.RelativeError!.Value, made.RelativeError!.Value, 1e-4);
        }
        Assert.Equal(plan.NormError!.Value, result.RelativeError!.Value, 1e-4);
    }

    [Fact]
    public void Auto_plans_no_more_error_than_any_method()
    {
        ModelSource model = Model();
        double auto = new MakePlan(Options(FactorMethod.Auto, new RankRule.TargetReduction(3))).Run(model).LowerBound!.Value;
        foreach (FactorMethod method in Enum.GetValues<FactorMethod>().Except([FactorMethod.Auto, FactorMethod.TensorTrain, FactorMethod.Pivoted]))
            Assert.InRange(auto, 0, new MakePlan(Options(method, new RankRule.TargetReduction(3))).Run(model).RelativeError!.Value * (1 + 1e-9));
    }

    [Fact]
    public void A_largest_error_is_kept()
    {
        RankPlan plan = new MakePlan(Options(FactorMethod.Auto, new RankRule.MaxRelativeError(0.5))).Run(Model());
        Assert.InRange(plan.RelativeError!.Value, 0, 0.5);
        Assert.True(plan.Parameters < plan.ParametersBefore);
    }

    [Fact]
    public void Bytes_are_budgeted_as_they_are_written()
    {
        ModelSource model = Model();
        RankPlan plan = new MakePlan(Options(FactorMethod.Auto, new RankRule.ByteBudget(9000)) with { DType = LowRankTools.Formats.Tensors.TensorDType.F16 }).Run(model);
        FactorizationResult result = new FactorizeModel(new FactorizeOptions { Plan = plan, OutputPath = _folder["out"] }).Run(model);
        Assert.InRange(result.Bytes, 1, 9000);
    }

    [Fact]
    public void A_plan_is_read_as_it_was_written_and_its_chains_may_be_edited()
    {
        ModelSource model = Model();
        RankPlan plan = new MakePlan(Options(FactorMethod.Tucker, new RankRule.KeepRatio(0.4))).Run(model);
        string text = Encoding.UTF8.GetString(RankPlanFile.ToFile(plan));
        Assert.Equal(text, Encoding.UTF8.GetString(RankPlanFile.ToFile(Parse(text))));
        JsonNode json = JsonNode.Parse(text)!;
        (json["Layers"]![0]!["Method"], json["Layers"]![0]!["Ranks"], json["Layers"]![0]!["Rank"]) = ("SpatialSvd", new JsonArray(4), 4);
        RankPlan edited = Parse(json.ToJsonString());
        Assert.True(edited.IsEdited);
        Assert.Null(edited.Layers[0].RelativeError);
        LayerFactorization made = new FactorizeModel(new FactorizeOptions { Plan = edited, OutputPath = _folder["out"] }).Run(model).Layers[0];
        Assert.Equal(("SpatialSvd", "4", 4L * 3 * (16 + 12)), (made.Method, made.Ranks!.ToString(), made.Parameters));
        edited.Layers[0].SetChain("Cp", 6);
        Assert.Equal("Cp", edited.Layers[0].Method);
        edited.Layers[0].Rank = 3;
        Assert.Equal("3", edited.Layers[0].Ranks!.ToString());
        edited.Layers[0].Rank = null;
        Assert.Equal(KeepReason.ByHand, edited.Layers[0].Reason);
    }

    [Theory]
    [InlineData("\"Method\":\"Tucker\"", "\"Method\":\"Tacker\"")]
    [InlineData("\"Method\":\"Tucker\"", "\"Method\":null")]
    [InlineData("\"Ranks\":[5,5],\"PlannedM", "\"Ranks\":[5],\"PlannedM")]
    [InlineData("\"Ranks\":[5,5],\"PlannedM", "\"Ranks\":[5,17],\"PlannedM")]
    [InlineData("\"Ranks\":[5,5],\"PlannedM", "\"Ranks\":[4,4],\"PlannedM")]
    [InlineData("\"Kind\":\"Conv2d\"", "\"Kind\":\"Conv1d\"")]
    public void A_chain_that_there_is_not_is_refused(string from, string to)
    {
        string text = Encoding.UTF8.GetString(RankPlanFile.ToFile(new MakePlan(Options(FactorMethod.Tucker, new RankRule.Fixed(5))).Run(Model())));
        Assert.Contains(from, text, StringComparison.Ordinal);
        Assert.Equal(CoreErrors.PlanInvalid, Assert.Throws<LowRankToolsException>(() => Parse(text.Replace(from, to, StringComparison.Ordinal))).ErrorId);
    }

    [Fact]
    public void Chains_by_hand_have_to_exist()
    {
        RankPlan plan = new MakePlan(Options(FactorMethod.Tucker, new RankRule.Fixed(5))).Run(Model());
        Assert.Equal(CoreErrors.RankExceedsLayer, Assert.Throws<LowRankToolsException>(() => plan.Layers[0].SetChain("Tucker", 5, 13)).ErrorId);
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => plan.Layers[0].SetChain("Ticker", 5)).ErrorId);
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => plan.Layers.Single(l => l.Name == "head.weight").SetChain("Tucker", 5, 5)).ErrorId);
    }

    [Fact]
    public void The_solver_on_the_hull_finds_what_trying_all_finds()
    {
        Random random = new(3);
        for (int trial = 0; trial < 60; trial++)
        {
            (int Rank, long Cost, double Loss)[][] layers = [.. Enumerable.Range(0, 3).Select(_ => Enumerable.Range(1, 5).Select(i => (i, (long)random.Next(1, 60), random.NextDouble())).ToArray())];
            RankChoices[] choices = [.. layers.Select(points => RankChoices.OfPoints(points, 60))];
            long budget = random.Next((int)choices.Sum(c => c.Cost(0)), 181);
            RankSolution found = RankSolver.Solve(choices, budget);
            double best = double.PositiveInfinity;
            for (int a = 0; a < choices[0].Count; a++)
            {
                for (int b = 0; b < choices[1].Count; b++)
                {
                    for (int c = 0; c < choices[2].Count; c++)
                    {
                        if (choices[0].Cost(a) + choices[1].Cost(b) + choices[2].Cost(c) <= budget)
                            best = Math.Min(best, choices[0].Loss(a) + choices[1].Loss(b) + choices[2].Loss(c));
                    }
                }
            }
            Assert.True(found.IsProvenOptimal);
            Assert.Equal(best, found.Loss, 1e-12);
            Assert.True(found.Cost <= budget && found.LowerBound <= best + 1e-12);
        }
    }

    [Fact]
    public void Choices_off_the_hull_are_left_out()
    {
        RankChoices choices = RankChoices.OfPoints([(1, 10, 1.0), (2, 20, 0.9), (3, 30, 0.2), (4, 40, 0.3), (5, 15, 1.0)], 50);
        Assert.Equal([1, 3, null], Enumerable.Range(0, choices.Count).Select(choices.Rank));
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => RankChoices.OfPoints([(1, 1, double.NaN)], 2)).ErrorId);
    }

    private static PlanOptions Options(FactorMethod method, RankRule rule) => new() { Rule = rule, Method = method, UseCache = false };

    private static RankPlan Parse(string text) => RankPlanFile.Parse(Encoding.UTF8.GetBytes(text), "plan.json");

    private ModelSource Model() => new(TestModel.Write(_folder["in/m.safetensors"], TestModel.Random("conv.weight", 1, 16, 12, 3, 3), TestModel.Random("conv.bias", 2, 16),
        TestModel.Random("wide.weight", 3, 12, 16, 3, 3), TestModel.Random("point.weight", 4, 24, 16, 1, 1), TestModel.Random("head.weight", 6, 20, 24)), "m");
}
