using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Decompositions.Tensors;

/// <summary>
/// Unfolds a tensor along a mode: its fibres of that mode are the columns of a matrix, in the order of the other modes, the last one
/// fastest (Kolda and Bader, "Tensor decompositions and applications", 2009, but for the order of columns, which is that of row-major memory).
/// </summary>
public static class Unfolding
{
    /// <summary>X_(n), I_n x (product of the other sizes), in memory of its own.</summary>
    /// <param name="tensor">X.</param>
    /// <param name="mode">n, from 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such mode.</exception>
    public static Matrix<double> Of(Tensor tensor, int mode)
    {
        (int before, int size, int after) = TensorShapes.Around(tensor.Shape, mode);
        Matrix<double> unfolded = Matrix<double>.Uninitialized(size, checked(before * after));
        if (tensor.Length == 0)
            return unfolded;
        MatrixView<double> all = tensor.AsMatrix(checked(before * size), after);
        for (int b = 0; b < before; b++)
            all.Slice(b * size, 0, size, after).CopyTo(unfolded.View.Slice(0, b * after, size, after));
        return unfolded;
    }

    /// <summary>The tensor that has X_(n) as its unfolding.</summary>
    /// <param name="unfolded">X_(n).</param>
    /// <param name="mode">n, from 0.</param>
    /// <param name="shape">Shape of X.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>.</exception>
    public static Tensor Fold(MatrixView<double> unfolded, int mode, params ReadOnlySpan<int> shape)
    {
        (int before, int size, int after) = TensorShapes.Around(shape.ToArray(), mode);
        if (unfolded.Rows != size || unfolded.Columns != (long)before * after)
            throw TensorShapes.Mismatch($"{unfolded.Rows} x {unfolded.Columns} is not {TensorShapes.Text(shape)} unfolded along mode {mode}.");
        Tensor tensor = Tensor.Uninitialized(shape);
        if (tensor.Length == 0)
            return tensor;
        MatrixView<double> all = tensor.AsMatrix(checked(before * size), after);
        for (int b = 0; b < before; b++)
            unfolded.Slice(0, b * after, size, after).CopyTo(all.Slice(b * size, 0, size, after));
        return tensor;
    }
}
