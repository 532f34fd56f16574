using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Speed;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Tests.Speed;

public sealed class MeasureLayerSpeedTests
{
    private static readonly LayerSpeedOptions s_quick = new() { BatchSize = 8, Timing = new TimingOptions { WarmUp = TimeSpan.Zero, ShortestRun = TimeSpan.Zero }.WithRuns(3) };

    private static MeasuredLayer Layer(int m, int n) => MeasuredLayer.Of(new MatrixShape(m, n));

    [Theory]
    [InlineData(96, 64, 8)]
    [InlineData(1, 1, 1)]
    [InlineData(3, 200, 1)]
    [InlineData(64, 64, 33)]
    public void What_is_told_holds_together(int m, int n, int batch)
    {
        IReadOnlyList<LayerSpeed> results = new MeasureLayerSpeed(s_quick with { BatchSize = batch }).Run(Layer(m, n));
        LayerSpeed speed = Assert.Single(results);
        foreach (RunTimes times in new[] { speed.Dense, speed.Pair })
        {
            Assert.InRange(times.MedianSeconds, times.MinimumSeconds, times.MaximumSeconds);
            Assert.True(times.Spread >= 0);
            Assert.Equal(3, times.Runs);
        }
        Assert.Equal((m, n, batch), (speed.OutFeatures, speed.InFeatures, speed.BatchSize));
        Assert.InRange(speed.MeasuredBreakEvenRank!.Value, 0, Math.Min(m, n));
        Assert.Equal(RankBounds.BreakEven(m, n), speed.BreakEvenRank);
        Assert.Equal(speed.Dense.MedianSeconds / speed.Pair.MedianSeconds, speed.SpeedUp);
        Assert.Equal(speed.DenseWork.Flops / speed.Dense.MedianSeconds / 1e9, speed.DenseGigaflops);
        Assert.Equal(("Embedded on cpu", EngineCatalog.InstructionSet), (speed.Engine, speed.InstructionSet));
    }

    [Fact]
    public void Work_follows_its_formulas()
    {
        MatrixShape shape = new(3072, 768);
        LayerWork dense = LayerWork.Dense(shape, 128), pair = LayerWork.Pair(shape, 64, 128);
        Assert.Equal(2L * 128 * 3072 * 768, dense.Flops);
        Assert.Equal(4L * (3072 * 768 + 128 * (3072 + 768)), dense.Bytes);
        Assert.Equal(2L * 128 * 64 * (3072 + 768), pair.Flops);
        Assert.Equal(4L * (64 * (3072 + 768) + 128 * (3072 + 768 + 2 * 64)), pair.Bytes);

        // The break-even rank is where the operations cross.
        Assert.True(LayerWork.Pair(shape, shape.BreakEvenRank, 1).Flops < LayerWork.Dense(shape, 1).Flops);
        Assert.True(LayerWork.Pair(shape, shape.BreakEvenRank + 1, 1).Flops >= LayerWork.Dense(shape, 1).Flops);
    }

    [Fact]
    public void Ranks_are_taken_once_in_order_and_share_one_search()
    {
        IReadOnlyList<LayerSpeed> results = new MeasureLayerSpeed(s_quick with { Ranks = [16, 4, 16], ThreadCount = 1 }).Run(Layer(64, 48));
        Assert.Equal([4, 16], results.Select(r => r.Rank));
        Assert.Single(results.Select(r => r.MeasuredBreakEvenRank).Distinct());
        Assert.All(results, r => Assert.Equal(1, r.ThreadCount));
        Assert.All(results, r => Assert.Equal(64 * 48 / (112.0 * r.Rank), r.ArithmeticSpeedUp, 12));
    }

    [Fact]
    public void Without_ranks_the_pair_keeps_half_of_the_parameters()
    {
        LayerSpeed speed = Assert.Single(new MeasureLayerSpeed(s_quick with { FindBreakEven = false }).Run(Layer(512, 512)));
        Assert.Equal(128, speed.Rank);
        Assert.Null(speed.MeasuredBreakEvenRank);
    }

    [Fact]
    public void The_search_finds_where_pairs_stop_being_faster()
    {
        Assert.All(Enumerable.Range(0, 101), truth => Assert.Equal(truth, BreakEvenSearch.Bisect(100, rank => rank <= truth)));
        Assert.InRange(BreakEvenSearch.Bisect(4096, rank => rank <= 1700), 1700 - 40, 1700);
    }

    [Theory]
    [InlineData(0, 4, CoreErrors.OptionInvalid)]
    [InlineData(8, 0, CoreErrors.OptionInvalid)]
    [InlineData(8, -1, CoreErrors.OptionInvalid)]
    [InlineData(8, 33, CoreErrors.RankExceedsLayer)]
    [InlineData(int.MaxValue, 4, CoreErrors.LayerTooLarge)]
    public void What_cannot_be_timed_is_refused(int batch, int rank, string id)
    {
        MeasureLayerSpeed operation = new(s_quick with { BatchSize = batch, Ranks = [rank] });
        Assert.Equal(id, Assert.Throws<LowRankToolsException>(() => operation.Run(Layer(64, 32))).ErrorId);
    }

    [Fact]
    public void A_layer_larger_than_the_machine_is_refused_before_memory_is_asked_for()
    {
        Assert.Equal(CoreErrors.LayerTooLarge, Assert.Throws<LowRankToolsException>(() => new MeasureLayerSpeed(s_quick).Run(Layer(int.MaxValue, int.MaxValue))).ErrorId);
    }

    [Fact]
    public void It_tells_how_far_it_is_and_can_be_cancelled()
    {
        using CancellationTokenSource cancel = new();
        List<OperationProgress> seen = [];
        Told progress = new(p =>
        {
            seen.Add(p);
            if (p.Done == 1)
                cancel.Cancel();
        });
        Assert.ThrowsAny<OperationCanceledException>(() => new MeasureLayerSpeed(s_quick with { Ranks = [2, 4] }).Run(Layer(64, 64), progress, cancel.Token));
        Assert.Equal([(0, 3), (1, 3)], seen.Select(p => (p.Done, p.Total)));
    }

    [Fact]
    public void Layers_of_one_shape_are_one_and_what_is_no_linear_map_is_left_out()
    {
        using TestFolder folder = new();
        using Model model = Model.Open(new ModelLocator().Find(TestModel.Write(Path.Combine(folder.Path, "m.safetensors"),
            TestModel.Random("a.weight", 1, 12, 8), TestModel.Random("a.bias", 2, 12), TestModel.Random("b.weight", 3, 8, 12),
            TestModel.Random("c.weight", 4, 12, 8), TestModel.Random("embed_tokens.weight", 5, 30, 8), TestModel.Random("norm.weight", 6, 8)))[0]);
        Assert.Equal([("a.weight", 12, 8, 2), ("b.weight", 8, 12, 1)],
            MeasuredLayer.Distinct(model.Layers.Select(l => l.Shape)).Select(l => (l.Name, l.Shape.OutFeatures, l.Shape.InFeatures, l.Layers)));
    }

    private sealed class Told(Action<OperationProgress> tell) : IProgress<OperationProgress>
    {
        public void Report(OperationProgress value) => tell(value);
    }
}
