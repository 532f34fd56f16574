using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Decompositions.Tensors;

/// <summary>The entries of a matrix, in order, as a matrix of other sides.</summary>
internal static unsafe class MatrixShapes
{
    /// <summary>A view of the same memory, rows x columns being as many entries.</summary>
    public static MatrixView<double> As(this Matrix<double> matrix, int rows, int columns) =>
        (long)rows * columns == matrix.Length
            ? new MatrixView<double>(matrix.View.Pointer, rows, columns, columns, 1, matrix)
            : throw TensorShapes.Mismatch($"{matrix.Rows} x {matrix.Columns} has other than {rows} x {columns} entries.");
}
