using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Decompositions.Tensors;

/// <summary>The product of matrices column by column: column r is the Kronecker product of their columns r (Khatri and Rao, 1968).</summary>
public static class KhatriRao
{
    /// <summary>A (I x R) and B (J x R) and so on become (I J ...) x R, the last one's rows fastest.</summary>
    /// <param name="matrices">At least one matrix, all of as many columns.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>: none, or of different numbers of columns.</exception>
    public static Matrix<double> Of(params ReadOnlySpan<Matrix<double>> matrices)
    {
        if (matrices.IsEmpty)
            throw TensorShapes.Mismatch("A Khatri-Rao product needs a matrix.");
        Matrix<double> product = matrices[0].Copy();
        foreach (Matrix<double> next in matrices[1..])
        {
            if (next.Columns != product.Columns)
            {
                product.Dispose();
                throw TensorShapes.Mismatch($"Matrices of {matrices[0].Columns} and {next.Columns} columns have no Khatri-Rao product.");
            }
            using Matrix<double> left = product;
            product = Multiply(left, next);
        }
        return product;
    }

    private static Matrix<double> Multiply(Matrix<double> a, Matrix<double> b)
    {
        Matrix<double> product = Matrix<double>.Uninitialized(checked(a.Rows * b.Rows), a.Columns);
        for (int i = 0; i < a.Rows; i++)
        {
            ReadOnlySpan<double> left = a.Row(i);
            for (int j = 0; j < b.Rows; j++)
                RowProducts.Multiply(left, b.Row(j), product.Row((i * b.Rows) + j));
        }
        return product;
    }
}
