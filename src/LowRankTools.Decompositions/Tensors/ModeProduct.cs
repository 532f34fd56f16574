using LowRankTools.Numerics;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Tensors;

/// <summary>Products of a tensor with matrices along modes, without unfolding it: slices of memory are matrices already.</summary>
public static class ModeProduct
{
    // Slices of fewer multiplications than this cost more to call than to compute.
    private const long SmallSlice = 1 << 15;

    // Sizes after the mode up to which a matrix that treats them all at once wastes little.
    private const int FewAfter = 32;

    /// <summary>Y = X x_n U: every fibre of mode n multiplied by U, Y_(n) = U X_(n).</summary>
    /// <param name="tensor">X.</param>
    /// <param name="mode">n, from 0.</param>
    /// <param name="matrix">U, J x I_n, any strides.</param>
    /// <param name="options">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>.</exception>
    public static Tensor Multiply(Tensor tensor, int mode, MatrixView<double> matrix, ComputeOptions? options = null, CancellationToken ct = default)
    {
        (int before, int size, int after) = TensorShapes.Around(tensor.Shape, mode);
        if (matrix.Columns != size)
            throw TensorShapes.Mismatch($"A matrix of {matrix.Columns} columns does not multiply mode {mode} of {TensorShapes.Text([.. tensor.Shape])}.");
        int[] shape = [.. tensor.Shape];
        shape[mode] = matrix.Rows;
        Tensor product = Tensor.Uninitialized(shape);
        if (product.Length == 0)
            return product;
        if (tensor.Length == 0)
        {
            product.Values.Clear();
            return product;
        }
        if (after == 1)
        {
            Gemm.Multiply(1, tensor.AsMatrix(before, size), matrix.Transpose(), 0, product.AsMatrix(before, matrix.Rows), options, ct);
        }
        else if (before > 1 && after <= FewAfter && (long)size * matrix.Rows * after < SmallSlice)
        {
            // All slices in one product: fibres side by side, multiplied by U (x) I.
            using Matrix<double> spread = Spread(matrix, after);
            Gemm.Multiply(1, tensor.AsMatrix(before, size * after), spread.Transposed, 0, product.AsMatrix(before, matrix.Rows * after), options, ct);
        }
        else
        {
            MatrixView<double> from = tensor.AsMatrix(before * size, after), to = product.AsMatrix(before * matrix.Rows, after);
            for (int b = 0; b < before; b++)
                Gemm.Multiply(1, matrix, from.Slice(b * size, 0, size, after), 0, to.Slice(b * matrix.Rows, 0, matrix.Rows, after), options, ct);
        }
        return product;
    }

    // U (x) I of after x after: (J after) x (I after).
    private static Matrix<double> Spread(MatrixView<double> matrix, int after)
    {
        Matrix<double> spread = new(matrix.Rows * after, matrix.Columns * after);
        for (int i = 0; i < matrix.Rows; i++)
        {
            for (int j = 0; j < matrix.Columns; j++)
            {
                for (int a = 0; a < after; a++)
                    spread[(i * after) + a, (j * after) + a] = matrix[i, j];
            }
        }
        return spread;
    }
}
