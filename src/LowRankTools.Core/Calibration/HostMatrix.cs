using System.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Calibration;

/// <summary>Float64 matrices in this process' memory, on their way to an engine and back.</summary>
internal static class HostMatrix
{
    /// <summary>A copy of an engine's matrix.</summary>
    public static Matrix<double> Of(ITensorEngine engine, ITensor tensor) => Matrix<double>.From(tensor.Shape[0], tensor.Shape[1], engine.ToArray(tensor));

    /// <summary>A float64 copy of a float32 matrix.</summary>
    public static Matrix<double> Of(MatrixView<float> view)
    {
        using Matrix<float> rows = view.ToMatrix();
        Matrix<double> wide = Matrix<double>.Uninitialized(rows.Rows, rows.Columns);
        for (int i = 0; i < rows.Rows; i++)
        {
            Span<double> target = wide.Row(i);
            ReadOnlySpan<float> source = rows.Row(i);
            for (int j = 0; j < target.Length; j++)
                target[j] = source[j];
        }
        return wide;
    }

    /// <summary>A float32 copy.</summary>
    public static Matrix<float> Single(MatrixView<double> view)
    {
        using Matrix<double> rows = view.ToMatrix();
        Matrix<float> narrow = Matrix<float>.Uninitialized(rows.Rows, rows.Columns);
        for (int i = 0; i < rows.Rows; i++)
        {
            Span<float> target = narrow.Row(i);
            ReadOnlySpan<double> source = rows.Row(i);
            for (int j = 0; j < target.Length; j++)
                target[j] = (float)source[j];
        }
        return narrow;
    }

    /// <summary>Matrices of one number of columns below each other.</summary>
    public static Matrix<T> Stack<T>(IReadOnlyList<MatrixView<T>> parts)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Matrix<T> stack = Matrix<T>.Uninitialized(parts.Sum(p => p.Rows), parts[0].Columns);
        int first = 0;
        foreach (MatrixView<T> part in parts)
        {
            part.CopyTo(stack.View.Slice(first, 0, part.Rows, part.Columns));
            first += part.Rows;
        }
        return stack;
    }

    /// <summary>Multiplies row i by factor i.</summary>
    public static void ScaleRows(Matrix<double> matrix, ReadOnlySpan<double> factors)
    {
        for (int i = 0; i < matrix.Rows; i++)
        {
            foreach (ref double value in matrix.Row(i))
                value *= factors[i];
        }
    }

    /// <summary>Multiplies column j by factor j.</summary>
    public static void ScaleColumns(Matrix<double> matrix, ReadOnlySpan<double> factors)
    {
        for (int i = 0; i < matrix.Rows; i++)
        {
            Span<double> row = matrix.Row(i);
            for (int j = 0; j < row.Length; j++)
                row[j] *= factors[j];
        }
    }

    /// <summary>Makes a matrix the mean of itself and another one of its size.</summary>
    public static void Average(Matrix<double> matrix, Matrix<double> other)
    {
        for (int i = 0; i < matrix.Rows; i++)
        {
            Span<double> row = matrix.Row(i);
            ReadOnlySpan<double> theirs = other.Row(i);
            for (int j = 0; j < row.Length; j++)
                row[j] = (row[j] + theirs[j]) / 2;
        }
    }
}
