using LowRankTools.Core.Layers;
using LowRankTools.Core.Speed;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Speed;

public sealed class MeasurePivotedSpeedTests
{
    [Fact]
    public void A_layer_is_timed_beside_both_pairs_at_every_rank()
    {
        IReadOnlyList<PivotedSpeed> results = new MeasurePivotedSpeed(Quick with { Ranks = [9, 4, 4] }).Run(Layer(24, 16));
        Assert.Equal([4, 9], results.Select(r => r.Rank));
        foreach (PivotedSpeed speed in results)
        {
            Assert.Equal((2, 2, 2), (speed.Dense.Runs, speed.Pair.Runs, speed.Pivoted.Runs));
            Assert.Equal((24 * 16, speed.Rank * 40, (speed.Rank * (40 - speed.Rank)) + 24), (speed.ParametersBefore, speed.PairParameters, speed.Parameters));
            // The pivots are no operations.
            Assert.Equal((2L * 8 * 24 * 16, 2L * 8 * speed.PairParameters, 2L * 8 * (speed.Parameters - 24)), (speed.DenseFlops, speed.PairFlops, speed.PivotedFlops));
        }
    }

    [Fact]
    public void Without_ranks_it_is_the_largest_within_the_ratio()
    {
        PivotedSpeed speed = Assert.Single(new MeasurePivotedSpeed(Quick with { KeepRatio = 0.8 }).Run(Layer(64, 64)));
        Assert.InRange(speed.Parameters, 1, (long)(0.8 * 64 * 64));
        Assert.True(((speed.Rank + 1) * (128 - speed.Rank - 1)) + 64 > 0.8 * 64 * 64);
    }

    [Fact]
    public void Ranks_and_layers_that_have_no_such_pair_are_refused()
    {
        Assert.Equal(CoreErrors.RankExceedsLayer, Assert.Throws<LowRankToolsException>(() => new MeasurePivotedSpeed(Quick with { Ranks = [16] }).Run(Layer(16, 24))).ErrorId);
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => new MeasurePivotedSpeed(Quick).Run(Layer(1, 24))).ErrorId);
    }

    [Fact]
    public void Options_that_mean_nothing_for_any_layer_are_refused()
    {
        foreach (PivotedSpeedOptions options in new[] { Quick with { Ranks = [4, 0] }, Quick with { BatchSize = 0 }, Quick with { KeepRatio = 1 } })
            Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => new MeasurePivotedSpeed(options).Run(Layer(24, 16))).ErrorId);
    }

    private static PivotedSpeedOptions Quick => new() { BatchSize = 8, ThreadCount = 1, Timing = new TimingOptions().WithRuns(2) };

    private static MeasuredLayer Layer(int outputs, int inputs) => MeasuredLayer.Of(new MatrixShape(outputs, inputs));
}
