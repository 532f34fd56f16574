using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LowRankTools.Numerics;

/// <summary>
/// The start of a block Krylov space. S A for a sparse random S (count x m) adds row i of A, with a random sign, to sum
/// i mod count (the count sketch of Clarkson and Woodruff, 2013): one look at A instead of a product with random numbers.
/// More sums than the start has columns cost no more, and A^T S^T S A is A^T A on the average: one step of subspace
/// iteration with it turns the start towards the leading components for a small part of what a step with A costs.
/// </summary>
internal static unsafe class SketchStart
{
    // Columns of A in one task.
    private const int TaskColumns = 512;

    // Sums for each column of the start where A has rows enough for them.
    private const int SumsPerColumn = 4;
    private const int LeastRowsPerSum = 2;

    /// <summary>A start of count columns for the row space of A, of A's own scale or orthonormalised and multiplied by its square.</summary>
    /// <param name="engine">Engine that holds A.</param>
    /// <param name="a">A, m x n.</param>
    /// <param name="count">Columns of the start.</param>
    /// <param name="factor">About 1 / ||A||, which keeps squares from overflowing.</param>
    /// <param name="seed">Chooses S.</param>
    /// <param name="ct">Stops the computation.</param>
    public static ITensor Make(ITensorEngine engine, ITensor a, int count, double factor, ulong seed, CancellationToken ct)
    {
        float[] signs = new float[a.Shape[0]];
        new DeterministicRandom(seed).FillSigns<float>(signs);
        bool many = signs.Length >= LeastRowsPerSum * SumsPerColumn * count;
        if (engine is EmbeddedEngine embedded && embedded.TrySignedSums(a, signs, many ? SumsPerColumn * count : count, ct) is { } sums)
        {
            if (!many) return sums;
            using ITensor owned = sums;
            return Sharpened(engine, sums, count, factor, seed, ct);
        }

        // Elsewhere S is a matrix like any other.
        float[] entries = new float[count * signs.Length];
        for (int i = 0; i < signs.Length; i++) entries[(i % count * signs.Length) + i] = signs[i];
        using ITensor sparse = engine.From(entries, count, signs.Length);
        ITensor result = engine.Create(ElementType.Float32, a.Shape[1], count);
        engine.MatMul(1, engine.Transpose(a), engine.Transpose(sparse), 0, result, ct);
        return result;
    }

    // Y Y^T X for the sums Y (n x many) and X the orthonormalised mixture of Y's columns.
    private static ITensor Sharpened(ITensorEngine engine, ITensor sums, int count, double factor, ulong seed, CancellationToken ct)
    {
        using ITensor mixture = engine.Random(seed, sums.Shape[1], count), along = engine.Create(ElementType.Float32, sums.Shape[1], count);
        ITensor start = engine.Create(ElementType.Float32, sums.Shape[0], count);
        engine.MatMul(factor, sums, mixture, 0, start, ct);
        engine.OrthonormalizeRows(engine.Transpose(start), ct);
        engine.MatMul(factor, engine.Transpose(sums), start, 0, along, ct);
        engine.MatMul(factor, sums, along, 0, start, ct);
        return start;
    }

    /// <summary>Adds the rows of A, with their signs, to the rows of zeroed sums in turn.</summary>
    /// <param name="a">A, m x n, rows or columns contiguous.</param>
    /// <param name="signs">m signs.</param>
    /// <param name="sums">Count x n, contiguous the same way as A.</param>
    /// <param name="threads">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    public static void AddRows(MatrixView<float> a, float[] signs, MatrixView<float> sums, int threads, CancellationToken ct)
    {
        WorkerPool.Run((a.Columns + TaskColumns - 1) / TaskColumns, threads, task =>
        {
            int first = task * TaskColumns, end = Math.Min(a.Columns, first + TaskColumns);
            if (a.ColumnStride == 1)
            {
                for (int i = 0; i < a.Rows; i++) VectorOps.AddScaled(signs[i], a.Row(i) + first, sums.Row(i % sums.Rows) + first, end - first);
                return;
            }

            fixed (float* sign = signs)
            {
                for (int j = first; j < end; j++) Fold(a.Pointer + (j * a.ColumnStride), sign, a.Rows, sums.Pointer + (j * sums.ColumnStride), sums.Rows);
            }
        }, ct);
    }

    // A contiguous column of A, cut into pieces that are added up.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Fold(float* column, float* signs, int length, float* sums, int count)
    {
        for (int i = 0; i < length; i += count)
        {
            int size = Math.Min(count, length - i), l = 0;
            for (; l <= size - Vector128<float>.Count; l += Vector128<float>.Count)
                Vector128.FusedMultiplyAdd(Vector128.Load(signs + i + l), Vector128.Load(column + i + l), Vector128.Load(sums + l)).Store(sums + l);
            for (; l < size; l++) sums[l] += signs[i + l] * column[i + l];
        }
    }
}
