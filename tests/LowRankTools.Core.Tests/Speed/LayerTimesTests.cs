using LowRankTools.Core.Layers;
using LowRankTools.Core.Speed;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Speed;

public sealed class LayerTimesTests
{
    private static readonly TimingOptions s_quick = new TimingOptions { WarmUp = TimeSpan.Zero, ShortestRun = TimeSpan.Zero }.WithRuns(3);

    private static RunTimes Times(double seconds) => RunTimes.Of([seconds], callsPerRun: 1, warmUpRuns: 2);

    [Fact]
    public void A_shape_is_measured_once()
    {
        LayerTimes times = new(batchSize: 4, timing: s_quick);
        LayerTimeCurve curve = times.Measure(new MatrixShape(64, 32));
        Assert.Same(curve, times.Measure(new MatrixShape(64, 32)));
        Assert.NotSame(curve, times.Measure(new MatrixShape(32, 64)));
        Assert.Equal([1, 2, 5, 10, 15, 21], curve.Pairs.Select(p => p.Rank));
        Assert.All(Enumerable.Range(2, 31), r => Assert.True(curve.PairSeconds(r) >= curve.PairSeconds(r - 1) && curve.PairSeconds(1) > 0));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 50)]
    [InlineData(2, 2)]
    public void Shapes_without_a_rank_that_pays_have_a_curve_too(int m, int n)
    {
        LayerTimeCurve curve = new LayerTimes(1, timing: s_quick).Measure(new MatrixShape(m, n));
        Assert.True(curve.PairSeconds(Math.Min(m, n)) > 0 && curve.DenseSeconds > 0);
    }

    [Fact]
    public void Between_and_beyond_measured_ranks_time_is_on_a_line()
    {
        LayerTimeCurve curve = new(new MatrixShape(100, 100), Times(10), [(1, Times(2)), (10, Times(2.9)), (50, Times(6.9))]);
        Assert.Equal((2, 2.9, 4.9, 6.9, 11.9), (curve.PairSeconds(1), curve.PairSeconds(10), curve.PairSeconds(30), curve.PairSeconds(50), curve.PairSeconds(100)));
        Assert.Throws<ArgumentOutOfRangeException>(() => curve.PairSeconds(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => curve.PairSeconds(101));
    }

    [Fact]
    public void Noise_does_not_make_a_larger_rank_cheaper()
    {
        LayerTimeCurve curve = new(new MatrixShape(100, 100), Times(10), [(1, Times(3)), (10, Times(1)), (20, Times(2)), (50, Times(6))]);
        Assert.Equal((2, 2, 2, 6), (curve.PairSeconds(1), curve.PairSeconds(10), curve.PairSeconds(20), curve.PairSeconds(50)));
    }

    [Fact]
    public void Wrong_requests_have_ids()
    {
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => new LayerTimes(0).Measure(new MatrixShape(4, 4))).ErrorId);
        using CancellationTokenSource cancelled = new();
        cancelled.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => new LayerTimes(1, timing: s_quick).Measure(new MatrixShape(4, 4), cancelled.Token));
    }

    [Theory]
    [InlineData("3072x768", 3072, 768)]
    [InlineData(" 10 X 30 ", 10, 30)]
    [InlineData("1\u00D72147483647", 1, int.MaxValue)]
    public void Shapes_are_outputs_times_inputs(string text, int rows, int columns) => Assert.Equal(new MatrixShape(rows, columns), MatrixShape.Parse(text));

    [Theory]
    [InlineData("")]
    [InlineData("10")]
    [InlineData("10x")]
    [InlineData("0x5")]
    [InlineData("-1x5")]
    [InlineData("2x3x4")]
    [InlineData("1e3x5")]
    [InlineData("99999999999x5")]
    public void What_is_no_shape_is_refused(string text) =>
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => MatrixShape.Parse(text)).ErrorId);
}
