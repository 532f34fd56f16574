using System.Numerics;
using System.Runtime.Intrinsics;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Memory;

namespace LowRankTools.Numerics.Kernels.Gemm;

/// <summary>
/// The door to every product: checks shapes, brings C into row-major order and chooses how the work is cut.
/// </summary>
internal static unsafe class GemmDriver
{
    // Below this many multiply-adds, waking a second thread costs more than it saves.
    private const long WorkPerThread = 1 << 20;

    // A product whose one side is below this is skinny: its big operand is read exactly once.
    private const int SkinnySide = 384;

    /// <summary>
    /// C = alpha A B + beta C; a float32 source is widened while it is packed. A product of A and its own transpose costs
    /// half of another one where it is large enough for that to show.
    /// </summary>
    public static void Multiply<TSource, T>(T alpha, MatrixView<TSource> a, MatrixView<TSource> b, T beta, MatrixView<T> c, int threads, CancellationToken ct = default)
        where TSource : unmanaged, IBinaryFloatingPointIeee754<TSource>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        CheckShapes(a, b, c);
        bool symmetric = T.IsZero(beta) && c.Rows > SkinnySide && a.Rows == b.Columns && a.Pointer == b.Pointer && a.RowStride == b.ColumnStride && a.ColumnStride == b.RowStride;
        Run(alpha, a, b, beta, c, symmetric, threads, ct);
        if (symmetric) Symmetric.MirrorLower(c);
        a.KeepAlive();
        b.KeepAlive();
        c.KeepAlive();
    }

    /// <summary>
    /// The symmetric C (n x n) = alpha A A^T + beta C at half the work: only blocks that touch the lower triangle are
    /// computed, then mirrored. Beta's C must be symmetric.
    /// </summary>
    public static void MultiplyByOwnTranspose<TSource, T>(T alpha, MatrixView<TSource> a, T beta, MatrixView<T> c, int threads, CancellationToken ct = default)
        where TSource : unmanaged, IBinaryFloatingPointIeee754<TSource>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        CheckShapes(a, a.Transpose(), c);
        Run(alpha, a, a.Transpose(), beta, c, lowerOnly: true, threads, ct);
        Symmetric.MirrorLower(c);
        a.KeepAlive();
        c.KeepAlive();
    }

    /// <summary>C -= A A^T on blocks that touch the lower triangle of C; what is above the diagonal is undefined.</summary>
    public static void SubtractOwnProduct<T>(MatrixView<T> a, MatrixView<T> c, int threads, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => AddLower(-T.One, a, a.Transpose(), c, threads, ct);

    /// <summary>C += alpha A B on blocks that touch the lower triangle of C; what is above the diagonal is undefined.</summary>
    public static void AddLower<T>(T alpha, MatrixView<T> a, MatrixView<T> b, MatrixView<T> c, int threads, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        CheckShapes(a, b, c);
        Run(alpha, a, b, T.One, c, lowerOnly: true, threads, ct);
    }

    private static void CheckShapes<TSource, T>(MatrixView<TSource> a, MatrixView<TSource> b, MatrixView<T> c)
        where TSource : unmanaged, IBinaryFloatingPointIeee754<TSource>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (a.Columns == b.Rows && c.Rows == a.Rows && c.Columns == b.Columns) return;
        throw new LowRankToolsException(
            "ShapesDoNotMatch",
            $"({a.Rows}x{a.Columns}) times ({b.Rows}x{b.Columns}) does not give {c.Rows}x{c.Columns}.",
            "Transpose or slice the operands so that the inner sides agree.");
    }

    private static void Run<TSource, T>(T alpha, MatrixView<TSource> a, MatrixView<TSource> b, T beta, MatrixView<T> c, bool lowerOnly, int threads, CancellationToken ct)
        where TSource : unmanaged, IBinaryFloatingPointIeee754<TSource>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (c.IsEmpty) return;
        if (a.Columns == 0 || T.IsZero(alpha))
        {
            ScaleAll(beta, c);
            return;
        }

        if (!Vector128.IsHardwareAccelerated)
        {
            GemmReference.Multiply(alpha, a, b, beta, c, lowerOnly, ct);
            return;
        }

        if (!lowerOnly && (TryNarrow(alpha, a, b, beta, c, threads, ct) || TryThin(alpha, a, b, beta, c, threads, ct))) return;
        if (c.ColumnStride != 1 && c.Columns > 1)
        {
            // A lower triangle is symmetric anyway, and mirrored afterwards.
            if (c.RowStride == 1 && !lowerOnly) Run(alpha, b.Transpose(), a.Transpose(), beta, c.Transpose(), false, threads, ct);
            else ThroughCopy(alpha, a, b, beta, c, transposed: false, lowerOnly, threads, ct);
            return;
        }

        // The big operand of a skinny product is packed on its way through the cache, which is cheap along its
        // rows only: turn the product round where that makes it so.
        bool bigA = c.Columns <= SkinnySide && c.Rows > 2 * c.Columns && a.ColumnStride != 1 && a.RowStride == 1;
        bool bigB = c.Rows <= SkinnySide && c.Columns > 2 * c.Rows && b.ColumnStride != 1 && b.RowStride == 1;
        if (bigA && c.Columns <= GemmPlan<TSource, T>.FlatRows && !lowerOnly && a.Columns > 1)
        {
            new GemmPlan<TSource, T>(alpha, b.Transpose(), a.Transpose(), beta, c.Transpose(), false, Useful(), ct).Run();
            return;
        }

        if ((bigA || bigB) && !lowerOnly && a.Columns > 1)
        {
            ThroughCopy(alpha, a, b, beta, c, transposed: true, lowerOnly, threads, ct);
            return;
        }

        new GemmPlan<TSource, T>(alpha, a, b, beta, c, lowerOnly, Useful(), ct).Run();

        int Useful() => (int)Math.Clamp((long)c.Rows * c.Columns * a.Columns / (lowerOnly ? 2 : 1) / WorkPerThread, 1, threads);
    }

    // A few columns, or a few rows seen as columns of the transpose.
    private static bool TryNarrow<TSource, T>(T alpha, MatrixView<TSource> a, MatrixView<TSource> b, T beta, MatrixView<T> c, int threads, CancellationToken ct)
        where TSource : unmanaged, IBinaryFloatingPointIeee754<TSource>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (typeof(TSource) != typeof(T) || Math.Min(c.Rows, c.Columns) > NarrowProduct.MostColumns) return false;
        var left = (MatrixView<T>)(object)a;
        var right = (MatrixView<T>)(object)b;
        int useful = (int)Math.Clamp((long)c.Rows * c.Columns * a.Columns / (WorkPerThread / 4), 1, threads);
        return c.Rows >= c.Columns
            ? NarrowProduct.TryMultiply(alpha, left, right, beta, c, useful, ct)
            : NarrowProduct.TryMultiply(alpha, right.Transpose(), left.Transpose(), beta, c.Transpose(), useful, ct);
    }

    // A thin C beside a big operand, which is then read where it lies.
    private static bool TryThin<TSource, T>(T alpha, MatrixView<TSource> a, MatrixView<TSource> b, T beta, MatrixView<T> c, int threads, CancellationToken ct)
        where TSource : unmanaged, IBinaryFloatingPointIeee754<TSource>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (typeof(TSource) != typeof(float) || typeof(T) != typeof(float)) return false;
        var left = (MatrixView<float>)(object)a;
        var right = (MatrixView<float>)(object)b;
        var target = (MatrixView<float>)(object)c;
        float factor = (float)(object)alpha, keep = (float)(object)beta;
        int useful = (int)Math.Clamp((long)c.Rows * c.Columns * a.Columns / WorkPerThread, 1, threads);
        return c.Rows >= c.Columns
            ? ThinProduct.TryMultiply(factor, left, right, keep, target, useful, ct)
            : ThinProduct.TryMultiply(factor, right.Transpose(), left.Transpose(), keep, target.Transpose(), useful, ct);
    }

    private static void ThroughCopy<TSource, T>(T alpha, MatrixView<TSource> a, MatrixView<TSource> b, T beta, MatrixView<T> c, bool transposed, bool lowerOnly, int threads, CancellationToken ct)
        where TSource : unmanaged, IBinaryFloatingPointIeee754<TSource>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        (int rows, int columns) = transposed ? (c.Columns, c.Rows) : (c.Rows, c.Columns);
        using Scratch scratch = Scratch.Rent<T>((long)rows * columns);
        var copy = new MatrixView<T>(scratch.As<T>(), rows, columns, columns, 1);
        MatrixView<T> seen = transposed ? copy.Transpose() : copy;
        if (!T.IsZero(beta)) MatrixCopy.Copy(c, seen);
        if (transposed) Run(alpha, b.Transpose(), a.Transpose(), beta, copy, lowerOnly, threads, ct);
        else Run(alpha, a, b, beta, copy, lowerOnly, threads, ct);
        MatrixCopy.Copy(seen, c);
    }

    private static void ScaleAll<T>(T beta, MatrixView<T> c)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int i = 0; i < c.Rows; i++)
        {
            for (int j = 0; j < c.Columns; j++)
            {
                T* target = c.Row(i) + (j * c.ColumnStride);
                *target = T.IsZero(beta) ? T.Zero : beta * *target;
            }
        }
    }
}
