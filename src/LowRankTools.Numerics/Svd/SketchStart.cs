using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LowRankTools.Numerics;

/// <summary>
/// The start of a block Krylov space: S A for a sparse random S (count x m) that adds row i of A, with a random sign,
/// to sum i mod count (the count sketch of Clarkson and Woodruff, 2013). One look at A instead of a product with random
/// numbers.
/// </summary>
internal static unsafe class SketchStart
{
    // Columns of A in one task.
    private const int TaskColumns = 512;

    /// <summary>(S A)^T as a tensor of count columns.</summary>
    public static ITensor Make(ITensorEngine engine, ITensor a, int count, ulong seed, CancellationToken ct)
    {
        float[] signs = new float[a.Shape[0]];
        new DeterministicRandom(seed).FillSigns<float>(signs);
        if (engine is EmbeddedEngine embedded && embedded.TrySignedSums(a, signs, count, ct) is { } sums) return sums;

        // Elsewhere S is a matrix like any other.
        float[] entries = new float[count * signs.Length];
        for (int i = 0; i < signs.Length; i++) entries[(i % count * signs.Length) + i] = signs[i];
        using ITensor sparse = engine.From(entries, count, signs.Length);
        ITensor result = engine.Create(ElementType.Float32, a.Shape[1], count);
        engine.MatMul(1, engine.Transpose(a), engine.Transpose(sparse), 0, result, ct);
        return result;
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
