using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Tests;

public sealed class MatrixTests
{
    [Fact]
    public unsafe void A_new_matrix_is_zero_and_aligned()
    {
        using var matrix = new Matrix<float>(33, 17);
        Assert.Equal(0UL, (ulong)matrix.Pointer % 64);
        Assert.All(matrix.ToArray(), value => Assert.Equal(0, value));
    }

    [Fact]
    public void Transposes_and_slices_are_the_same_memory()
    {
        using Matrix<double> matrix = Matrix<double>.From(2, 3, [1, 2, 3, 4, 5, 6]);
        MatrixView<double> part = matrix.Transposed.Slice(1, 0, 2, 2);
        Assert.Equal([2, 5, 3, 6], part.ToMatrix().ToArray());
        MatrixView<double> view = part;
        view[1, 1] = 60;
        Assert.Equal(60, matrix[1, 2]);
    }

    [Theory]
    [InlineData(2, 0)]
    [InlineData(0, 3)]
    [InlineData(-1, 0)]
    public void Entries_outside_are_refused(int i, int j)
    {
        using var matrix = new Matrix<float>(2, 3);
        Assert.Throws<ArgumentOutOfRangeException>(() => matrix[i, j]);
        Assert.Throws<ArgumentOutOfRangeException>(() => matrix.View[i, j]);
    }

    [Fact]
    public void A_disposed_matrix_says_so()
    {
        var matrix = new Matrix<float>(2, 3);
        matrix.Dispose();
        matrix.Dispose();
        Assert.Throws<ObjectDisposedException>(() => matrix[0, 0]);
        Assert.Throws<ObjectDisposedException>(() => matrix.View);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 300)]
    [InlineData(65, 33)]
    [InlineData(257, 130)]
    public void Copying_through_a_transpose_and_back_changes_nothing(int rows, int columns)
    {
        using Matrix<float> matrix = TestMatrices.Gaussian<float>(rows, columns, 1);
        using Matrix<float> turned = matrix.Transposed.ToMatrix();
        using Matrix<float> back = turned.Transposed.ToMatrix();
        Assert.Equal(matrix.ToArray(), back.ToArray());
    }

    [Fact]
    public void Frobenius_norm_is_the_sum_of_squares_in_any_layout()
    {
        using Matrix<float> matrix = TestMatrices.Gaussian<float>(301, 517, 2);
        double expected = matrix.ToArray().Sum(x => (double)x * x);
        Assert.InRange(Norms.FrobeniusSquared(matrix.View) / expected, 1 - 1e-13, 1 + 1e-13);
        Assert.InRange(Norms.FrobeniusSquared(matrix.Transposed) / expected, 1 - 1e-13, 1 + 1e-13);
        Assert.Equal(
            Norms.FrobeniusSquared(matrix.View, new ComputeOptions { ThreadCount = 1 }),
            Norms.FrobeniusSquared(matrix.View, new ComputeOptions { ThreadCount = 3 }));
    }
}
