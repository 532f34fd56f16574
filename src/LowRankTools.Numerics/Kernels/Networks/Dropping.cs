using System.Numerics;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.RandomNumbers;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Kernels.Networks;

/// <summary>Dropout: which entries fall is a fixed function of the seed and their place.</summary>
internal static unsafe class Dropping
{
    /// <summary>y = x / (1 - rate) where the entry stays, 0 where it falls; in place when x is y.</summary>
    public static void Run<T>(MatrixView<T> x, double rate, ulong seed, MatrixView<T> y, int threads, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var random = new DeterministicRandom(seed);
        T scale = rate < 1 ? T.CreateTruncating(1 / (1 - rate)) : T.Zero;
        ulong limit = (ulong)(rate * (1UL << 53));
        RowTasks.Run(x.Rows, x.Columns, threads, (_, first, end) =>
        {
            for (int i = first; i < end; i++)
            {
                T* from = x.Row(i), to = y.Row(i);
                ulong place = (ulong)i * (ulong)x.Columns;
                for (int j = 0; j < x.Columns; j++) to[j] = (random.BitsAt(place + (ulong)j) >> 11) < limit ? T.Zero : from[j] * scale;
            }
        }, ct);
    }
}
