using System.Numerics;
using LowRankTools.Numerics.Kernels.Vectors;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Memory;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Kernels.Networks;

/// <summary>-log softmax(logits)[target], averaged over the rows that have a target, and its gradient.</summary>
internal static unsafe class SoftmaxCrossEntropy
{
    /// <summary>Computes the loss, and the gradient (softmax - 1 at the target) / rows where it is wanted.</summary>
    /// <param name="logits">Rows x classes.</param>
    /// <param name="targets">One class a row; a negative one leaves the row out.</param>
    /// <param name="gradient">Rows x classes, or null; may be the logits.</param>
    /// <param name="threads">Threads.</param>
    /// <param name="ct">Stops the loop.</param>
    public static double Compute<T>(MatrixView<T> logits, int[] targets, MatrixView<T>? gradient, int threads, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int classes = logits.Columns, counted = targets.Count(target => target >= 0);
        T share = T.One / T.CreateTruncating(Math.Max(1, counted));
        double[] losses = new double[logits.Rows];
        RowTasks.Run(logits.Rows, classes, threads, (_, first, end) =>
        {
            using Scratch scratch = Scratch.Rent<T>(classes);
            for (int i = first; i < end; i++)
            {
                T* row = logits.Row(i), weights = gradient is { } wanted ? wanted.Row(i) : scratch.As<T>();
                if (targets[i] < 0)
                {
                    new Span<T>(weights, classes).Clear();
                    continue;
                }

                T largest = SoftmaxRow.Largest(row, classes), aimed = row[targets[i]];
                T sum = SoftmaxRow.Exponentials(row, largest, weights, classes);
                losses[i] = double.CreateTruncating(largest - aimed) + Math.Log(double.CreateTruncating(sum));
                if (gradient is null) continue;
                VectorOps.Scale(share / sum, weights, classes);
                weights[targets[i]] -= share;
            }
        }, ct);
        return losses.Sum() / Math.Max(1, counted);
    }
}
