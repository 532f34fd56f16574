using LowRankTools.Core.Layers;

namespace LowRankTools.Core.Speed;

/// <summary>Seconds of one shape: dense, and as a pair of any rank.</summary>
public sealed class LayerTimeCurve
{
    private readonly int[] _ranks;
    private readonly double[] _seconds;

    /// <summary>Makes a curve through measured times.</summary>
    /// <param name="shape">The layer.</param>
    /// <param name="dense">The dense layer's times.</param>
    /// <param name="pairs">Ranks, ascending, and their pairs' times.</param>
    public LayerTimeCurve(MatrixShape shape, RunTimes dense, IReadOnlyList<(int Rank, RunTimes Times)> pairs)
    {
        (Shape, Dense, Pairs) = (shape, dense, pairs);
        _ranks = [.. pairs.Select(p => p.Rank)];
        _seconds = NeverFalling([.. pairs.Select(p => p.Times.MedianSeconds)]);
    }

    /// <summary>The layer.</summary>
    public MatrixShape Shape { get; }

    /// <summary>The dense layer, as measured.</summary>
    public RunTimes Dense { get; }

    /// <summary>Pairs, as measured.</summary>
    public IReadOnlyList<(int Rank, RunTimes Times)> Pairs { get; }

    /// <summary>Seconds of the dense layer: the median.</summary>
    public double DenseSeconds => Dense.MedianSeconds;

    /// <summary>Seconds of a pair: a median, or on the line through two; it never falls as the rank rises.</summary>
    /// <param name="rank">From 1 to the smaller side.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such rank.</exception>
    public double PairSeconds(int rank)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rank, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rank, Shape.MaximumRank);
        int found = Array.BinarySearch(_ranks, rank);
        if (found >= 0)
            return _seconds[found];
        if (_ranks.Length == 1)
            return _seconds[0];
        int above = Math.Clamp(~found, 1, _ranks.Length - 1);
        double share = (double)(rank - _ranks[above - 1]) / (_ranks[above] - _ranks[above - 1]);
        return _seconds[above - 1] + share * (_seconds[above] - _seconds[above - 1]);
    }

    /// <summary>The nearest sequence that never falls, in the sense of least squares (pool adjacent violators).</summary>
    private static double[] NeverFalling(double[] values)
    {
        List<(double Sum, int Count)> blocks = [];
        foreach (double value in values)
        {
            blocks.Add((value, 1));
            while (blocks.Count > 1 && blocks[^2].Sum * blocks[^1].Count > blocks[^1].Sum * blocks[^2].Count)
            {
                blocks[^2] = (blocks[^2].Sum + blocks[^1].Sum, blocks[^2].Count + blocks[^1].Count);
                blocks.RemoveAt(blocks.Count - 1);
            }
        }
        return [.. blocks.SelectMany(b => Enumerable.Repeat(b.Sum / b.Count, b.Count))];
    }
}
