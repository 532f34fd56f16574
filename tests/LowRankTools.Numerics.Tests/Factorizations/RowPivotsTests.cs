using LowRankTools.Numerics.Factorizations;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.RandomNumbers;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Tests.Factorizations;

/// <summary>Rows that stand for all others.</summary>
public sealed class RowPivotsTests
{
    [Theory]
    [InlineData(7, 6)]
    [InlineData(40, 1)]
    [InlineData(300, 120)]
    public void All_rows_are_combinations_of_the_pivots(int m, int r)
    {
        using Matrix<double> q = Orthonormal(m, r);
        using RowPivots pivots = RowPivots.Find(q.View);
        Assert.Equal(r, pivots.IsPivot.Count(p => p));
        int[] kept = [.. Enumerable.Range(0, m).Where(i => pivots.IsPivot[i])], others = [.. Enumerable.Range(0, m).Where(i => !pivots.IsPivot[i])];
        for (int i = 0; i < others.Length; i++)
        {
            for (int k = 0; k < r; k++)
                Assert.Equal(q[others[i], k], Enumerable.Range(0, r).Sum(j => pivots.Others[i, j] * q[kept[j], k]), 1e-11);
        }
    }

    [Fact]
    public void A_row_outside_the_span_of_the_others_is_a_pivot()
    {
        using Matrix<double> q = new(9, 3);
        (q[2, 0], q[4, 1], q[7, 2]) = (1, 1, 1);
        using RowPivots pivots = RowPivots.Find(q.View);
        Assert.Equal([2, 4, 7], Enumerable.Range(0, 9).Where(i => pivots.IsPivot[i]));
        Assert.All(pivots.Others.ToArray(), c => Assert.Equal(0, c));
    }

    [Fact]
    public void Coefficients_are_within_the_bound_of_pivoted_qr()
    {
        using Matrix<double> q = Orthonormal(60, 8);
        using RowPivots pivots = RowPivots.Find(q.View);
        // |C_ij| <= 2^(r - j) for triangular factors whose diagonal is the largest of what is left of each row.
        Assert.All(pivots.Others.ToArray(), c => Assert.InRange(Math.Abs(c), 0, 256));
    }

    [Fact]
    public void Bits_do_not_depend_on_threads()
    {
        using Matrix<double> q = Orthonormal(900, 200);
        using RowPivots one = RowPivots.Find(q.View, new ComputeOptions { ThreadCount = 1 }), four = RowPivots.Find(q.View, new ComputeOptions { ThreadCount = 4 });
        Assert.Equal(one.IsPivot, four.IsPivot);
        Assert.Equal(one.Others.ToArray(), four.Others.ToArray());
    }

    [Fact]
    public void As_many_columns_as_rows_leave_nothing_to_stand_for()
    {
        using Matrix<double> q = Orthonormal(5, 5);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => RowPivots.Find(q.View)).ErrorId);
    }

    // Columns of a random matrix by Gram and Schmidt, twice.
    private static Matrix<double> Orthonormal(int m, int r)
    {
        double[] values = new double[m * r];
        new DeterministicRandom(3).FillGaussian<double>(values);
        Matrix<double> q = Matrix<double>.From(m, r, values);
        for (int k = 0; k < r; k++)
        {
            for (int turn = 0; turn < 2; turn++)
            {
                for (int j = 0; j < k; j++)
                {
                    double part = Enumerable.Range(0, m).Sum(i => q[i, j] * q[i, k]);
                    for (int i = 0; i < m; i++)
                        q[i, k] -= part * q[i, j];
                }
                double norm = Math.Sqrt(Enumerable.Range(0, m).Sum(i => q[i, k] * q[i, k]));
                for (int i = 0; i < m; i++)
                    q[i, k] /= norm;
            }
        }
        return q;
    }
}
