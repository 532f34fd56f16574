using System.Numerics;
using LowRankTools.Numerics.Kernels.Networks;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Engines.Embedded;

/// <content>Checks, conversions and loops that both element types share.</content>
public sealed unsafe partial class EmbeddedEngine
{
    // Entries that one task moves at least: fewer are moved before a helper wakes.
    private const long PermutedPart = 1 << 15;

    private static EmbeddedTensor<T> Zeros<T>(ReadOnlySpan<int> shape)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        EmbeddedTensor.LengthOf(shape);
        int rows = shape.IsEmpty ? 1 : shape[0];
        var matrix = new Matrix<T>(rows, EmbeddedTensor.ColumnsOf(shape));
        return new EmbeddedTensor<T>(shape.ToArray(), matrix.View, matrix);
    }

    private static EmbeddedTensor<T> Reshaped<T>(EmbeddedTensor<T> x, ReadOnlySpan<int> shape)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        EmbeddedTensor<T> result = Zeros<T>(shape);
        if (x.Length == 0) return result;
        using Matrix<T> ordered = x.View.ToMatrix();
        ordered.RowBlock(0, ordered.Rows).CopyTo(Contiguous(result.View));
        return result;
    }

    private static EmbeddedTensor<T> Permuted<T>(EmbeddedTensor<T> x, ReadOnlySpan<int> order, int threads)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int rank = x.Shape.Count;
        if (order.Length != rank || !order.ToArray().Order().SequenceEqual(Enumerable.Range(0, rank)))
            throw Mismatch($"{Text(order)} is not an order of {rank} dimensions.");

        int[] shape = new int[rank], steps = new int[rank], sourceSteps = new int[rank];
        for (int i = rank - 1, step = 1; i >= 0; step *= x.Shape[i--]) sourceSteps[i] = step;
        for (int i = 0; i < rank; i++) (shape[i], steps[i]) = (x.Shape[order[i]], sourceSteps[order[i]]);
        if (x.Length == 0) return Zeros<T>(shape);
        // Every entry is written.
        EmbeddedTensor<T> result = EmbeddedTensor<T>.Over(Matrix<T>.Uninitialized(shape.Length == 0 ? 1 : shape[0], EmbeddedTensor.ColumnsOf(shape)), shape);
        using Matrix<T>? ordered = IsInOrder(x.View) ? null : x.View.ToMatrix();
        T* from = ordered is null ? x.View.Pointer : ordered.Pointer;

        // Trailing dimensions that stay trailing are moved as they lie.
        int run = 1, outer = rank;
        while (outer > 0 && order[outer - 1] == outer - 1) run *= shape[--outer];
        Move(from, result.View.Pointer, shape[..outer], steps[..outer], run, threads);
        return result;
    }

    // Blocks of a run each; their numbers count the dimensions like an odometer, the last one fastest.
    private static void Move<T>(T* from, T* to, int[] shape, int[] steps, int run, int threads)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int last = shape.Length == 0 ? 1 : shape[^1], step = shape.Length == 0 ? 0 : steps[^1], rows = shape.Length == 0 ? 1 : checked((int)(EmbeddedTensor.LengthOf(shape) / last));
        int parts = Math.Clamp((int)((long)rows * last * run / PermutedPart), 1, Math.Min(rows, 4 * threads));
        WorkerPool.Run(parts, threads, part =>
        {
            int first = (int)((long)rows * part / parts), end = (int)((long)rows * (part + 1) / parts);
            for (int row = first; row < end; row++)
            {
                long source = 0;
                for (int i = shape.Length - 2, rest = row; i >= 0; rest /= shape[i--]) source += (long)(rest % shape[i]) * steps[i];
                T* target = to + ((long)row * last * run), start = from + source;
                if (run == 1)
                {
                    for (int k = 0; k < last; k++) target[k] = start[(long)k * step];
                }
                else
                {
                    for (int k = 0; k < last; k++) new ReadOnlySpan<T>(start + ((long)k * step), run).CopyTo(new Span<T>(target + ((long)k * run), run));
                }
            }
        });
    }

    private static EmbeddedTensor<T> Viewed<T>(EmbeddedTensor<T> x, ReadOnlySpan<int> shape)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (!IsInOrder(x.View)) throw Mismatch($"The entries of this {Text([.. x.Shape])} do not lie one after the other.");
        int columns = EmbeddedTensor.ColumnsOf(shape);
        return new EmbeddedTensor<T>(shape.ToArray(), new MatrixView<T>(x.View.Pointer, shape.IsEmpty ? 1 : shape[0], columns, columns, 1, x.View.Owner), null);
    }

    private static bool IsInOrder<T>(MatrixView<T> view)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => (view.ColumnStride == 1 || view.Columns <= 1) && (view.RowStride == view.Columns || view.Rows <= 1);

    private static void AddScaled<T>(T alpha, MatrixView<T> x, T beta, MatrixView<T> y, int threads)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (x.ColumnStride == 1 && y.ColumnStride == 1)
        {
            RowSums.AddScaled(alpha, x, beta, y, threads, CancellationToken.None);
            return;
        }

        for (int i = 0; i < x.Rows; i++)
        {
            for (int j = 0; j < x.Columns; j++)
            {
                T* target = y.Row(i) + (j * y.ColumnStride);
                T old = T.IsZero(beta) ? T.Zero : beta * *target;
                *target = (alpha * x.Row(i)[j * x.ColumnStride]) + old;
            }
        }
    }

    private static EmbeddedTensor<T> Combined<T>(ElementOperation operation, EmbeddedTensor<T> x, EmbeddedTensor<T> y)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        EmbeddedTensor<T> result = Zeros<T>([.. x.Shape]);
        for (int i = 0; i < x.View.Rows; i++)
        {
            for (int j = 0; j < x.View.Columns; j++)
            {
                T p = x.View.Row(i)[j * x.View.ColumnStride], q = y.View.Row(i)[j * y.View.ColumnStride];
                result.View.Row(i)[j] = operation switch
                {
                    ElementOperation.Add => p + q,
                    ElementOperation.Subtract => p - q,
                    ElementOperation.Multiply => p * q,
                    ElementOperation.Divide => p / q,
                    _ => T.Max(p, q),
                };
            }
        }

        return result;
    }

    private static Span<T> Contiguous<T>(MatrixView<T> view)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => new(view.Pointer, checked((int)view.Length));

    private static Matrix<TTo> Converted<TFrom, TTo>(MatrixView<TFrom> view)
        where TFrom : unmanaged, IBinaryFloatingPointIeee754<TFrom>
        where TTo : unmanaged, IBinaryFloatingPointIeee754<TTo>
    {
        Matrix<TTo> result = Matrix<TTo>.Uninitialized(view.Rows, view.Columns);
        MatrixCopy.Convert(view, result.View);
        return result;
    }

    private static Matrix<double> Wide(EmbeddedTensor x) => x switch
    {
        EmbeddedTensor<float> single => Converted<float, double>(single.View),
        EmbeddedTensor<double> wide => wide.View.ToMatrix(),
        _ => throw Foreign(),
    };

    // A factorization's input in float64, checked.
    private static Matrix<double> WideFinite(ITensor x)
    {
        RequireMatrix(x);
        return RequireFinite(Wide(Own(x)));
    }

    // Frees the matrix where it is refused.
    private static Matrix<T> RequireFinite<T>(Matrix<T> matrix)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int i = 0; i < matrix.Rows; i++)
        {
            foreach (T value in matrix.Row(i))
            {
                if (T.IsFinite(value)) continue;
                string shape = Text([matrix.Rows, matrix.Columns]);
                matrix.Dispose();
                throw new LowRankToolsException("NonFiniteValues", $"The {shape} tensor holds NaN or infinity.", "Repair or exclude this tensor.");
            }
        }

        return matrix;
    }

    private static EmbeddedTensor Own(ITensor x) => x as EmbeddedTensor ?? throw Foreign();

    private static void RequireMatrix(ITensor x)
    {
        if (x.Shape.Count != 2) throw Mismatch($"{Text([.. x.Shape])} is not a matrix.");
    }

    private static void RequireSameShape(ITensor x, ITensor y)
    {
        if (!x.Shape.SequenceEqual(y.Shape)) throw Mismatch($"{Text([.. x.Shape])} and {Text([.. y.Shape])} differ.");
    }

    private static string Text(ReadOnlySpan<int> shape) => $"({string.Join(" x ", shape.ToArray())})";

    private static LowRankToolsException Mismatch(string message) =>
        new("ShapesDoNotMatch", message, "Reshape, transpose or slice first.");

    private static LowRankToolsException Foreign() =>
        new("ForeignTensor", "The tensor belongs to another engine.", "Copy it over through a matrix.");

    private static LowRankToolsException WrongType() =>
        new("ElementTypeNotSupported", "The tensors' element types do not go together here.", "Convert with Copy.");
}
