using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Numerics.Tests.Svd;

/// <summary>The decomposition of a product agrees with that of the matrix it makes.</summary>
public sealed class FactoredSvdTests
{
    private static Matrix<float> Random(int rows, int columns, int seed)
    {
        Random random = new(seed);
        return Matrix<float>.From(rows, columns, [.. Enumerable.Range(0, rows * columns).Select(_ => (float)(random.NextDouble() - 0.5))]);
    }

    private static Matrix<float> Product(MatrixView<float> a, MatrixView<float> b)
    {
        Matrix<float> c = Matrix<float>.Uninitialized(a.Rows, b.Columns);
        Gemm.Multiply(1, a, b, 0, c.View);
        return c;
    }

    private static double Distance(Matrix<float> a, Matrix<float> b) => Math.Sqrt(a.ToArray().Zip(b.ToArray(), (x, y) => Math.Pow((double)x - y, 2)).Sum());

    [Theory]
    [InlineData(40, 6, 30)]
    [InlineData(5, 9, 30)]
    [InlineData(30, 9, 5)]
    [InlineData(6, 20, 4)]
    [InlineData(1, 1, 1)]
    [InlineData(12, 12, 12)]
    [InlineData(60, 32, 50)]
    [InlineData(60, 33, 50)]
    [InlineData(9, 8, 300)]
    [InlineData(100, 70, 90)]
    public void Values_and_errors_are_those_of_the_product(int m, int r, int n)
    {
        using Matrix<float> left = Random(m, r, 1), right = Random(r, n, 2), product = Product(left.View, right.View);
        double[] expected = SingularValues.Compute(product.View);
        for (int keep = 1; keep <= Math.Min(Math.Min(m, n), r); keep += 3)
        {
            using FactoredSvdResult svd = FactoredSvd.Compute(left.View, right.View, _ => keep);
            Assert.Equal(Math.Min(Math.Min(m, n), r), svd.SingularValues.Length);
            for (int i = 0; i < svd.SingularValues.Length; i++)
                Assert.InRange(Math.Abs(svd.SingularValues[i] - expected[i]) / expected[0], 0, 1e-6);
            using Matrix<float> kept = Product(svd.Left.View, svd.Right.View);
            Assert.InRange(Math.Abs(Distance(product, kept) - svd.Error) / svd.Norm, 0, 1e-6);
        }
        Assert.Equal(FactoredSvd.Norm(left.View, right.View), Math.Sqrt(expected.Sum(v => v * v)), 1e-5 * expected[0]);
    }

    [Fact]
    public void Factors_that_depend_on_each_other_and_zeros_are_no_harm()
    {
        using Matrix<float> one = Random(20, 1, 1), right = Random(4, 30, 2), left = new(20, 4);
        for (int j = 0; j < 4; j++)
            one.View.CopyTo(left.View.Slice(0, j, 20, 1));
        using Matrix<float> product = Product(left.View, right.View);
        using FactoredSvdResult svd = FactoredSvd.Compute(left.View, right.View, _ => 1);
        using Matrix<float> kept = Product(svd.Left.View, svd.Right.View);
        Assert.InRange(Distance(product, kept) / svd.Norm, 0, 1e-6);
        using Matrix<float> zeros = new(20, 4);
        using FactoredSvdResult none = FactoredSvd.Compute(zeros.View, right.View, _ => 2);
        Assert.All(none.Left.ToArray().Concat(none.Right.ToArray()), v => Assert.Equal(0, v));
    }

    [Fact]
    public void Both_factors_carry_the_same_share()
    {
        using Matrix<float> left = Random(40, 6, 1), right = Random(6, 30, 2);
        using FactoredSvdResult svd = FactoredSvd.Compute(left.View, right.View, v => v.Length);
        for (int k = 0; k < svd.Rank; k++)
        {
            Assert.Equal(svd.SingularValues[k], Norms.FrobeniusSquared(svd.Left.View.Slice(0, k, 40, 1)), 1e-5);
            Assert.Equal(svd.SingularValues[k], Norms.FrobeniusSquared(svd.Right.View.Slice(k, 0, 1, 30)), 1e-5);
        }
    }

    [Fact]
    public void What_is_no_product_or_no_number_is_refused()
    {
        using Matrix<float> left = Random(4, 2, 1), right = Random(3, 4, 2), bad = Random(2, 4, 3);
        bad[0, 0] = float.NaN;
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => FactoredSvd.Compute(left.View, right.View, _ => 1)).ErrorId);
        Assert.Equal("NonFiniteValues", Assert.Throws<LowRankToolsException>(() => FactoredSvd.Compute(left.View, bad.View, _ => 1)).ErrorId);
    }

    [Theory]
    [InlineData(40, 6, 30)]
    [InlineData(40, 50, 30)]
    [InlineData(60, 40, 70)]
    public void A_single_entry_that_is_no_number_is_found_wherever_it_lies(int m, int r, int n)
    {
        foreach (float value in (float[])[float.NaN, float.PositiveInfinity, float.NegativeInfinity])
        {
            foreach ((int i, int j) in ((int, int)[])[(0, 0), (m - 1, r - 1), (m / 2, 0), (0, r - 1)])
            {
                using Matrix<float> left = Random(m, r, 1), right = Random(r, n, 2);
                left[i, j] = value;
                Assert.Equal("NonFiniteValues", Assert.Throws<LowRankToolsException>(() => FactoredSvd.Compute(left.View, right.View, _ => 1)).ErrorId);
                Assert.Equal("NonFiniteValues", Assert.Throws<LowRankToolsException>(() => FactoredSvd.Compute(right.Transposed, left.Transposed, _ => 1)).ErrorId);
            }
        }
    }

    [Fact]
    public void Columns_of_very_different_lengths_keep_their_digits()
    {
        // Long times short and short times long: the product's singular values are alike, and a Gram matrix of either factor would lose half of them.
        using Matrix<float> left = Random(50, 4, 1), right = Random(4, 60, 2), scaled = Random(50, 4, 1), other = Random(4, 60, 2);
        float[] scales = [1e9f, 1, 1e-9f, 1e4f];
        for (int k = 0; k < 4; k++)
        {
            for (int i = 0; i < 50; i++)
                scaled[i, k] *= scales[k];
            foreach (ref float value in other.Row(k))
                value /= scales[k];
        }
        using FactoredSvdResult plain = FactoredSvd.Compute(left.View, right.View, v => v.Length), result = FactoredSvd.Compute(scaled.View, other.View, v => v.Length);
        for (int k = 0; k < 4; k++)
            Assert.InRange(result.SingularValues[k] / plain.SingularValues[k], 1 - 1e-5, 1 + 1e-5);
    }
}
