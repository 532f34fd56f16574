using System.Numerics;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Kernels.Networks;

/// <summary>Turns pairs of features of each head by angles that grow with the position (Su et al., 2021).</summary>
internal static unsafe class Rotary
{
    /// <summary>(a, b) = (a cos - b sin, b cos + a sin) for each pair; features beyond the pairs are copied.</summary>
    /// <param name="x">Rows x heads side by side; row i is at position i modulo the rows of the tables.</param>
    /// <param name="heads">Number of heads.</param>
    /// <param name="cosines">Positions x pairs.</param>
    /// <param name="sines">Positions x pairs.</param>
    /// <param name="interleaved">Whether a pair is two neighbours, or feature i and feature i + pairs.</param>
    /// <param name="back">Whether to turn the other way.</param>
    /// <param name="y">Rows of outputs; may be x.</param>
    /// <param name="threads">Threads.</param>
    /// <param name="ct">Stops the loop.</param>
    public static void Turn<T>(MatrixView<T> x, int heads, MatrixView<T> cosines, MatrixView<T> sines, bool interleaved, bool back, MatrixView<T> y, int threads, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int width = x.Columns / heads, pairs = cosines.Columns, apart = interleaved ? 1 : pairs, step = interleaved ? 2 : 1;
        T sign = back ? T.NegativeOne : T.One;
        RowTasks.Run(x.Rows, x.Columns, threads, (_, first, end) =>
        {
            for (int i = first; i < end; i++)
            {
                T* cosine = cosines.Row(i % cosines.Rows), sine = sines.Row(i % sines.Rows);
                for (int head = 0; head < heads; head++)
                {
                    T* from = x.Row(i) + (head * width), to = y.Row(i) + (head * width);
                    for (int p = 0; p < pairs; p++)
                    {
                        T a = from[p * step], b = from[(p * step) + apart], s = sign * sine[p];
                        to[p * step] = (a * cosine[p]) - (b * s);
                        to[(p * step) + apart] = (b * cosine[p]) + (a * s);
                    }

                    for (int j = 2 * pairs; j < width; j++) to[j] = from[j];
                }
            }
        }, ct);
    }
}
