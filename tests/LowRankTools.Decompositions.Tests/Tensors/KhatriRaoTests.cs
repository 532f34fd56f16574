using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Decompositions.Tests;

public sealed class KhatriRaoTests
{
    [Fact]
    public void Every_column_is_the_Kronecker_product_of_columns()
    {
        using Matrix<double> a = TestTensors.GaussianMatrix(1, 3, 5), b = TestTensors.GaussianMatrix(2, 4, 5), c = TestTensors.GaussianMatrix(3, 2, 5);
        using Matrix<double> product = KhatriRao.Of(a, b, c);
        Assert.Equal((24, 5), (product.Rows, product.Columns));
        foreach (int[] i in TestTensors.Indices(3, 4, 2))
        {
            for (int r = 0; r < 5; r++)
                Assert.Equal(a[i[0], r] * b[i[1], r] * c[i[2], r], product[(((i[0] * 4) + i[1]) * 2) + i[2], r], 1e-14);
        }
    }

    [Fact]
    public void Its_Gram_matrix_is_the_product_of_the_Gram_matrices_entry_by_entry()
    {
        using Matrix<double> a = TestTensors.GaussianMatrix(1, 30, 7), b = TestTensors.GaussianMatrix(2, 20, 7), product = KhatriRao.Of(a, b);
        using Matrix<double> left = Gram(a), right = Gram(b), whole = Gram(product);
        for (int i = 0; i < 7; i++)
        {
            for (int j = 0; j < 7; j++)
                Assert.InRange(Math.Abs(whole[i, j] - (left[i, j] * right[i, j])), 0, 1e-12 * whole[i, i]);
        }
    }

    [Fact]
    public void Matrices_of_other_columns_are_refused()
    {
        using Matrix<double> a = new(2, 3), b = new(2, 4);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => KhatriRao.Of(a, b)).ErrorId);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => KhatriRao.Of()).ErrorId);
    }

    private static Matrix<double> Gram(Matrix<double> matrix)
    {
        Matrix<double> gram = new(matrix.Columns, matrix.Columns);
        Gemm.MultiplyByOwnTranspose(1, matrix.Transposed, 0, gram.View);
        return gram;
    }
}
