using System.Numerics;
using System.Runtime.CompilerServices;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Kernels.Vectors;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Memory;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Kernels.Networks;

/// <summary>
/// softmax(Q K^T scale) V for each head, block of queries by block of keys: the products are tiles of the gemm kernels, the
/// softmax runs along (Milakov and Gimelshein, 2018; Dao et al., 2022), and what a causal query cannot see is left out.
/// Beyond the packed keys and values a task needs one block of scores, so memory grows with n and not with n^2.
/// </summary>
internal sealed unsafe class AttentionForward<T>(AttentionShape shape, MatrixView<T> q, MatrixView<T> k, MatrixView<T> v, T[]? keyMask, MatrixView<T> y, T* logSums, int threads, CancellationToken ct)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int KeyBlock = AttentionCut.KeyBlock, QueryBlock = AttentionCut.QueryBlock;

    private readonly AttentionCut _cut = new(shape, q.Rows, k.Rows, q.Columns, v.Columns);

    private int KeyBlocks => (_cut.Keys + KeyBlock - 1) / KeyBlock;

    private int PackedWidth => RoundUp(_cut.ValueWidth, GemmBlocking<T>.TileColumns);

    private long KeyStride => (long)KeyBlock * _cut.Width;

    private long ValueStride => (long)KeyBlock * PackedWidth;

    public void Run()
    {
        int places = shape.Batch * shape.KeyHeads * KeyBlocks, queryBlocks = (_cut.Queries + QueryBlock - 1) / QueryBlock;
        using Scratch keys = Scratch.Rent<T>(places * KeyStride), values = Scratch.Rent<T>(places * ValueStride);
        T* packedKeys = keys.As<T>(), packedValues = values.As<T>();
        WorkerPool.Run(places, threads, place => Pack(place, packedKeys, packedValues), ct);

        // The last queries see most: hand them out first.
        int heads = shape.Batch * shape.Heads;
        WorkerPool.Run(heads * queryBlocks, threads, task =>
        {
            (int block, int head) = Math.DivRem(task, heads);
            (int batch, int h) = Math.DivRem(head, shape.Heads);
            int place = ((batch * shape.KeyHeads) + (h / (shape.Heads / shape.KeyHeads))) * KeyBlocks;
            Attend(batch, h, (queryBlocks - 1 - block) * QueryBlock, packedKeys + (place * KeyStride), packedValues + (place * ValueStride));
        }, ct);
    }

    private void Pack(int place, T* packedKeys, T* packedValues)
    {
        (int head, int block) = Math.DivRem(place, KeyBlocks);
        (int batch, int h) = Math.DivRem(head, shape.KeyHeads);
        int first = block * KeyBlock, count = Math.Min(KeyBlock, _cut.Keys - first);
        MatrixView<T> keys = AttentionCut.Head(k, batch, _cut.Keys, first, count, h, _cut.Width);
        GemmPacking.PackB(keys.Transpose(), packedKeys + (place * KeyStride), T.CreateTruncating(shape.Scale));
        GemmPacking.PackB(AttentionCut.Head(v, batch, _cut.Keys, first, count, h, _cut.ValueWidth), packedValues + (place * ValueStride), T.One);
    }

    private void Attend(int batch, int head, int first, T* packedKeys, T* packedValues)
    {
        int rows = Math.Min(QueryBlock, _cut.Queries - first), padded = RoundUp(rows, GemmBlocking<T>.TileRows), distance = GemmBlocking<T>.RowDistance;
        int width = _cut.ValueWidth, reach = _cut.Reach(first + rows - 1);
        using Scratch scratch = Scratch.Rent<T>((2L * QueryBlock * distance) + (QueryBlock * PackedWidth));

        // The scores lie as the packed left operand of the next product.
        T* queries = scratch.As<T>(), scores = queries + (QueryBlock * distance), sums = scores + (QueryBlock * distance);
        T* largest = stackalloc T[QueryBlock], totals = stackalloc T[QueryBlock];
        new Span<T>(largest, rows).Fill(T.NegativeInfinity);
        new Span<T>(totals, rows).Clear();
        new Span<T>(sums, padded * PackedWidth).Clear();
        GemmPacking.PackA(AttentionCut.Head(q, batch, _cut.Queries, first, rows, head, _cut.Width), queries);

        for (int block = 0; block * KeyBlock < reach; block++)
        {
            int firstKey = block * KeyBlock, depth = Math.Min(KeyBlock, _cut.Keys - firstKey), count = Math.Min(depth, reach - firstKey);
            var tile = new MatrixView<T>(scores, padded, RoundUp(count, GemmBlocking<T>.TileColumns), distance, 1);
            MacroKernel.Run(_cut.Width, queries, packedKeys + (block * KeyStride), T.Zero, tile);
            for (int i = 0; i < rows; i++)
            {
                T* row = scores + (i * distance);
                int seen = Math.Clamp(_cut.Reach(first + i) - firstKey, 0, count);
                if (keyMask is not null) AddMask(row, (batch * _cut.Keys) + firstKey, seen);
                Soften(row, seen, count, sums + (i * PackedWidth), ref largest[i], ref totals[i]);
            }

            // A panel at a time: what is seen of the block may be less deep than what was packed of it.
            for (int j = 0; j < PackedWidth; j += GemmBlocking<T>.TileColumns)
            {
                var target = new MatrixView<T>(sums + j, padded, GemmBlocking<T>.TileColumns, PackedWidth, 1);
                MacroKernel.Run(count, scores, packedValues + (block * ValueStride) + ((nint)j * depth), T.One, target);
            }
        }

        MatrixView<T> output = AttentionCut.Head(y, batch, _cut.Queries, first, rows, head, width);
        for (int i = 0; i < rows; i++)
        {
            // A query that sees nothing gets zeros.
            T* from = sums + (i * PackedWidth), to = output.Row(i);
            Widening.Copy(from, to, width);
            VectorOps.Scale(totals[i] > T.Zero ? T.One / totals[i] : T.Zero, to, width);
            if (logSums is not null)
                logSums[((((long)batch * shape.Heads) + head) * _cut.Queries) + first + i] = totals[i] > T.Zero ? largest[i] + T.Log(totals[i]) : T.PositiveInfinity;
        }
    }

    /// <summary>Turns the scores of one query into weights under the largest score so far, and what was summed before with them.</summary>
    private void Soften(T* row, int seen, int count, T* sums, ref T largest, ref T total)
    {
        new Span<T>(row + seen, count - seen).Clear();
        T now = SoftmaxRow.Largest(row, seen);
        if (now > largest)
        {
            if (total > T.Zero)
            {
                T factor = T.Exp(largest - now);
                total *= factor;
                VectorOps.Scale(factor, sums, PackedWidth);
            }

            largest = now;
        }

        if (T.IsNegativeInfinity(largest)) new Span<T>(row, seen).Clear();
        else total += SoftmaxRow.Exponentials(row, largest, row, seen);
    }

    private void AddMask(T* row, int first, int count)
    {
        fixed (T* mask = keyMask) VectorOps.AddScaled(T.One, mask + first, row, count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int RoundUp(int value, int step) => (value + step - 1) / step * step;
}
