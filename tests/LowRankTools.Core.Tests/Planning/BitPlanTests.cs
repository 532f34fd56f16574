using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Planning.Candidates;
using LowRankTools.Core.Plans;
using LowRankTools.Formats.Quantization;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Planning;

/// <summary>Plans that choose a rank and a number of bits for every layer, within one budget of bytes.</summary>
public sealed class BitPlanTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static readonly WeightQuantization?[] s_kinds = [null, WeightQuantization.Int8, WeightQuantization.Q8_0, WeightQuantization.Q4_0];

    private ModelSource Model() => new(TestModel.Write(_folder["in/m.safetensors"],
        TestModel.WithSpectrum("a.weight", 1, 96, 128, [.. Enumerable.Range(0, 96).Select(k => 3 * Math.Pow(0.93, k))]),
        TestModel.WithSpectrum("b.weight", 2, 128, 96, [.. Enumerable.Range(0, 96).Select(k => 1.0 / (1 + k))]),
        TestModel.Random("c.weight", 3, 64, 64), TestModel.Random("norm.weight", 4, 64)), "m");

    private static PlanOptions Options(long bytes, bool dense = false) => new() { Rule = new RankRule.ByteBudget(bytes), Quantize = s_kinds, QuantizeDense = dense, UseCache = false };

    [Fact]
    public void The_solver_finds_what_trying_everything_finds()
    {
        Random random = new(1);
        for (int round = 0; round < 300; round++)
        {
            RankChoices[] layers = [.. Enumerable.Range(0, random.Next(1, 5)).Select(_ =>
            {
                int count = random.Next(1, 7);
                long[] costs = [.. Enumerable.Range(0, 40).Select(c => (long)c).OrderBy(_ => random.Next()).Take(count).Order()];
                double[] losses = [.. Enumerable.Range(0, count).Select(_ => random.NextDouble()).OrderDescending()];
                return RankChoices.Listed([.. Enumerable.Range(1, count).Select(r => (int?)r)], costs, losses);
            })];
            long least = layers.Sum(l => l.Cost(0)), budget = least + random.Next(60);
            RankSolution solution = RankSolver.Solve(layers, budget);
            double best = Least(layers, 0, budget);
            Assert.True(solution.Cost <= budget);
            Assert.Equal(best, solution.Loss, 1e-9);
            Assert.True(solution.IsProvenOptimal && solution.LowerBound <= best + 1e-9);
        }
    }

    private static double Least(RankChoices[] layers, int next, long budget) => budget < 0 ? double.PositiveInfinity : next == layers.Length ? 0
        : Enumerable.Range(0, layers[next].Count).Min(c => layers[next].Loss(c) + Least(layers, next + 1, budget - layers[next].Cost(c)));

    [Fact]
    public void A_plan_is_the_best_of_all_ranks_and_bits()
    {
        ModelSource model = Model();
        foreach (long budget in new long[] { 30_000, 45_000, 60_000, 100_000 })
        {
            RankPlan plan = new MakePlan(Options(budget)).Run(model);
            Assert.True(plan.ModelBytes <= budget && plan.IsOptimal);
            // Every single way for all layers is one of the choices, so none of them is better.
            foreach (WeightQuantization? kind in s_kinds)
            {
                PlanOptions single = Options(budget) with { Quantize = kind is null ? [] : [kind], Multiple = kind is { } k ? QuantizedLayout.RowMultiple(k) : 1 };
                if (Try(single, model) is { } other)
                    Assert.True(plan.RelativeError <= other.RelativeError * (1 + 1e-9), $"{budget} bytes, {kind}");
            }
        }
        Assert.True(new MakePlan(Options(60_000)).Run(model).RelativeError < 0.9 * Try(Options(60_000) with { Quantize = [] }, model)!.RelativeError, "bits bought nothing");
    }

    [Theory]
    [InlineData(50_000)]
    [InlineData(20_000)]
    public void A_plan_is_carried_out_as_it_is_written(long budget)
    {
        ModelSource model = Model();
        RankPlan plan = RankPlanFile.Parse(RankPlanFile.ToFile(new MakePlan(Options(budget, dense: true)).Run(model)), "plan");
        FactorizationResult result = new FactorizeModel(new FactorizeOptions { Plan = plan, OutputPath = _folder["out"] }).Run(model);
        Assert.Equal(plan.ModelBytes, result.Bytes - (plan.Layers.Any(l => l.Quantization == WeightQuantization.Q4_0) ? ShapeBytes(plan) : 0));
        Assert.Contains(plan.Layers, l => l.Quantization is not null);
        foreach (LayerFactorization layer in result.Layers)
        {
            LayerPlan planned = plan.Layers.Single(l => l.Name == layer.Name);
            Assert.Equal((planned.Rank, planned.Quantization), (layer.Rank, layer.Quantization));
            // The prediction supposes normal noise; what is measured is near it.
            if (layer.Quantization is not null)
                Assert.InRange(layer.RelativeError!.Value, 0.5 * planned.RelativeError!.Value, 2 * planned.RelativeError.Value);
        }
    }

    [Fact]
    public void What_makes_no_sense_is_refused()
    {
        ModelSource model = Model();
        foreach (PlanOptions options in new[]
        {
            Options(1) with { Rule = new RankRule.TargetReduction(2) },
            Options(50_000) with { IsAdapter = true },
            Options(50_000) with { Quantize = [], QuantizeDense = true },
            Options(50_000) with { Rule = new RankRule.Fixed(8), Quantize = [WeightQuantization.Q4_0] },
        })
            Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => new MakePlan(options).Run(model)).ErrorId);
        Assert.Equal(CoreErrors.BudgetTooSmall, Assert.Throws<LowRankToolsException>(() => new MakePlan(Options(300)).Run(model)).ErrorId);
    }

    // What safetensors adds to tell the shape of packed levels.
    private static long ShapeBytes(RankPlan plan) => 16 * plan.Layers.Where(l => l.Quantization == WeightQuantization.Q4_0).Sum(l => l.Rank is null ? 1 : 2);

    private static RankPlan? Try(PlanOptions options, ModelSource model)
    {
        try
        {
            return new MakePlan(options).Run(model);
        }
        catch (LowRankToolsException e) when (e.ErrorId == CoreErrors.BudgetTooSmall)
        {
            return null;
        }
    }
}
