using System.Numerics;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Kernels.Vectors;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Memory;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Kernels.Networks;

/// <summary>
/// The gradients of an attention (Dao et al., 2022): the weights P of a block are computed again from the saved logarithms of
/// their sums, dV += P^T dY, dP = dY V^T, dS = P (dP - rows of dY times Y), dQ += dS K scale, dK += dS^T Q scale. One task is one head
/// of keys in one sequence with all queries that it serves, in a fixed order.
/// </summary>
internal sealed unsafe class AttentionBackward<T>(AttentionShape shape, MatrixView<T> q, MatrixView<T> k, MatrixView<T> v, T[]? keyMask, int threads, CancellationToken ct)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int Block = 192;

    private readonly AttentionCut _cut = new(shape, q.Rows, k.Rows, q.Columns, v.Columns);
    private readonly T _scale = T.CreateTruncating(shape.Scale);

    /// <summary>Sets dq, dk and dv.</summary>
    public void Run(MatrixView<T> y, T* logSums, MatrixView<T> dy, MatrixView<T> dq, MatrixView<T> dk, MatrixView<T> dv)
    {
        int group = shape.Heads / shape.KeyHeads;
        WorkerPool.Run(shape.Batch * shape.KeyHeads, threads, task =>
        {
            (int batch, int keyHead) = Math.DivRem(task, shape.KeyHeads);
            MatrixView<T> dkHead = AttentionCut.Head(dk, batch, _cut.Keys, 0, _cut.Keys, keyHead, _cut.Width);
            MatrixView<T> dvHead = AttentionCut.Head(dv, batch, _cut.Keys, 0, _cut.Keys, keyHead, _cut.ValueWidth);
            Clear(dkHead);
            Clear(dvHead);
            for (int head = keyHead * group; head < (keyHead + 1) * group; head++)
            {
                MatrixView<T> dqHead = AttentionCut.Head(dq, batch, _cut.Queries, 0, _cut.Queries, head, _cut.Width);
                Clear(dqHead);
                for (int first = 0; first < _cut.Queries; first += Block)
                {
                    int rows = Math.Min(Block, _cut.Queries - first);
                    T* sums = logSums + (((((long)batch * shape.Heads) + head) * _cut.Queries) + first);
                    Queries(batch, keyHead, head, first, rows, y, sums, dy, dqHead.Slice(first, 0, rows, _cut.Width), dkHead, dvHead);
                }
            }
        }, ct);
    }

    private void Queries(int batch, int keyHead, int head, int first, int rows, MatrixView<T> y, T* logSums, MatrixView<T> dy, MatrixView<T> dq, MatrixView<T> dk, MatrixView<T> dv)
    {
        MatrixView<T> queries = AttentionCut.Head(q, batch, _cut.Queries, first, rows, head, _cut.Width);
        MatrixView<T> outputs = AttentionCut.Head(y, batch, _cut.Queries, first, rows, head, _cut.ValueWidth);
        MatrixView<T> gradients = AttentionCut.Head(dy, batch, _cut.Queries, first, rows, head, _cut.ValueWidth);
        using Scratch scratch = Scratch.Rent<T>(2L * Block * Block);
        T* products = stackalloc T[Block];
        for (int i = 0; i < rows; i++) products[i] = VectorOps.Dot(outputs.Row(i), gradients.Row(i), _cut.ValueWidth);

        for (int firstKey = 0; firstKey < _cut.Reach(first + rows - 1); firstKey += Block)
        {
            ct.ThrowIfCancellationRequested();
            int count = Math.Min(Block, _cut.Keys - firstKey);
            MatrixView<T> weights = new(scratch.As<T>(), rows, count, count, 1), slopes = new(scratch.As<T>() + (Block * Block), rows, count, count, 1);
            MatrixView<T> keys = AttentionCut.Head(k, batch, _cut.Keys, firstKey, count, keyHead, _cut.Width);
            MatrixView<T> values = AttentionCut.Head(v, batch, _cut.Keys, firstKey, count, keyHead, _cut.ValueWidth);
            GemmDriver.Multiply(_scale, queries, keys.Transpose(), T.Zero, weights, 1, ct);
            for (int i = 0; i < rows; i++) Weigh(weights.Row(i), (batch * _cut.Keys) + firstKey, Math.Clamp(_cut.Reach(first + i) - firstKey, 0, count), count, logSums[i]);

            GemmDriver.Multiply(T.One, weights.Transpose(), gradients, T.One, dv.Slice(firstKey, 0, count, _cut.ValueWidth), 1, ct);
            GemmDriver.Multiply(T.One, gradients, values.Transpose(), T.Zero, slopes, 1, ct);
            for (int i = 0; i < rows; i++)
            {
                T* slope = slopes.Row(i), weight = weights.Row(i);
                for (int j = 0; j < count; j++) slope[j] = weight[j] * (slope[j] - products[i]);
            }

            GemmDriver.Multiply(_scale, slopes, keys, T.One, dq, 1, ct);
            GemmDriver.Multiply(_scale, slopes.Transpose(), queries, T.One, dk.Slice(firstKey, 0, count, _cut.Width), 1, ct);
        }
    }

    private void Weigh(T* row, int firstKey, int seen, int count, T logSum)
    {
        if (keyMask is not null)
        {
            fixed (T* mask = keyMask) VectorOps.AddScaled(T.One, mask + firstKey, row, seen);
        }

        SoftmaxRow.Exponentials(row, logSum, row, seen);
        new Span<T>(row + seen, count - seen).Clear();
    }

    private static void Clear(MatrixView<T> x)
    {
        for (int i = 0; i < x.Rows; i++) new Span<T>(x.Row(i), x.Columns).Clear();
    }
}
