using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Speed;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Planning;

/// <summary>Plans for a speed, by times that are made up, so that what is reached and what is out of reach is known.</summary>
public sealed class SpeedPlanTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private ModelSource Model() => new(TestModel.Write(_folder["in/m.safetensors"],
        TestModel.WithSpectrum("a.weight", 1, 12, 20, 9, 5, 3, 2, 1, 0.5, 0.2, 0.1),
        TestModel.WithSpectrum("b.weight", 2, 16, 10, 0.9, 0.85, 0.8, 0.75, 0.7, 0.6, 0.5)), "m");

    /// <summary>Times of a machine: m n units of time dense, and some for each rank of a pair.</summary>
    private static Func<MatrixShape, CancellationToken, LayerTimeCurve> Machine(Func<MatrixShape, int, double> pair) => (shape, _) =>
        new LayerTimeCurve(shape, Times(shape.OutFeatures * shape.InFeatures), [.. Enumerable.Range(1, shape.BreakEvenRank).Select(r => (r, Times(pair(shape, r))))]);

    private static RunTimes Times(double units) => RunTimes.Of([units * 1e-6], callsPerRun: 1, warmUpRuns: 2);

    private static double Straight(MatrixShape shape, int rank) => 30 + rank * (shape.OutFeatures + shape.InFeatures);

    /// <summary>Pairs of odd ranks are no faster than those of the next even one, as kernels with panels have it.</summary>
    private static double Stairs(MatrixShape shape, int rank) => Straight(shape, rank + (rank % 2));

    private static MakePlan Plan(double factor, Func<MatrixShape, int, double> pair) => new(new PlanOptions { Rule = new RankRule.TargetSpeedup(factor) }) { Times = Machine(pair) };

    private static double SpeedUp(RankPlan plan, Func<MatrixShape, int, double> pair) =>
        plan.Layers.Sum(l => l.Rows * l.Columns) / plan.Layers.Sum(l => l.Rank is { } rank ? pair(new MatrixShape((int)l.Rows, (int)l.Columns), rank) : l.Rows * l.Columns);

    [Theory]
    [InlineData(1.1, false)]
    [InlineData(1.5, false)]
    [InlineData(2.5, false)]
    [InlineData(1.1, true)]
    [InlineData(1.5, true)]
    [InlineData(2.2, true)]
    public void The_speed_is_reached_by_the_times_that_were_given(double factor, bool stairs)
    {
        Func<MatrixShape, int, double> pair = stairs ? Stairs : Straight;
        RankPlan plan = Plan(factor, pair).Run(Model());
        Assert.Equal(SpeedUp(plan, pair), plan.Speedup!.Value, 9);
        Assert.True(plan.Speedup >= factor);
        Assert.True(plan.Flops < plan.FlopsBefore);
        plan.Layers[0].Rank = 7;
        Assert.Null(plan.Speedup);
    }

    [Theory]
    [InlineData(1.1)]
    [InlineData(1.5)]
    [InlineData(2.5)]
    public void No_ranks_that_are_as_fast_have_a_smaller_error(double factor)
    {
        RankPlan plan = Plan(factor, Straight).Run(Model());
        double found = plan.RelativeError!.Value, best = double.PositiveInfinity;
        foreach (int? a in Ranks(plan.Layers[0]))
        {
            foreach (int? b in Ranks(plan.Layers[1]))
            {
                (plan.Layers[0].Rank, plan.Layers[1].Rank) = (a, b);
                if (SpeedUp(plan, Straight) >= factor)
                    best = Math.Min(best, plan.RelativeError!.Value);
            }
        }
        Assert.Equal(best, found, 9);

        static IEnumerable<int?> Ranks(LayerPlan layer) => [null, .. Enumerable.Range(1, (int)RankBounds.BreakEven(layer.Rows, layer.Columns))];
    }

    [Fact]
    public void A_speed_that_no_ranks_have_is_refused_and_the_highest_is_named()
    {
        LowRankToolsException error = Assert.Throws<LowRankToolsException>(() => Plan(4, Straight).Run(Model()));
        Assert.Equal(CoreErrors.TargetUnreachable, error.ErrorId);
        Assert.Contains("3.39", error.Message, StringComparison.Ordinal); // 400 units against 62 + 56
        Assert.Equal(CoreErrors.TargetUnreachable, Assert.Throws<LowRankToolsException>(() => Plan(1.01, (shape, _) => shape.OutFeatures * shape.InFeatures + 1).Run(Model())).ErrorId);
    }

    [Fact]
    public void Requests_without_meaning_are_refused_before_anything_is_timed()
    {
        MatrixShape[] shapes = [new(512, 512), new(512, 1024)];
        string Of(PlanOptions options) => Assert.Throws<LowRankToolsException>(() => new MakePlan(options) { Times = (_, _) => throw new InvalidOperationException("Timed.") }.Run(shapes)).ErrorId;
        Assert.Equal(CoreErrors.OptionInvalid, Of(new PlanOptions { Rule = new RankRule.TargetSpeedup(1) }));
        Assert.Equal(CoreErrors.OptionInvalid, Of(new PlanOptions { Rule = new RankRule.TargetSpeedup(2), IsAdapter = true }));
    }

    [Fact]
    public void Layers_are_timed_here_where_no_times_are_given()
    {
        // Whatever the machine, nothing is a million times as fast as this.
        MakePlan plan = new(new PlanOptions { Rule = new RankRule.TargetSpeedup(1e6) });
        Assert.Equal(CoreErrors.TargetUnreachable, Assert.Throws<LowRankToolsException>(() => plan.Run([new MatrixShape(64, 64)])).ErrorId);
    }
}
