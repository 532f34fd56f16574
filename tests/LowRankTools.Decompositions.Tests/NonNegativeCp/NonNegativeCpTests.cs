using LowRankTools.Decompositions.Cp;
using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Tests;

public sealed class NonNegativeCpTests
{
    private static readonly DecompositionMethod s_method = DecompositionMethods.Find("NonNegativeCp");

    // The second is non-negative matrix factorization.
    public static TheoryData<int[], int> Shapes => new() { { [12, 13, 14], 4 }, { [20, 25], 3 }, { [5, 6, 7, 3], 4 } };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void No_entry_is_negative_and_no_sweep_makes_the_error_larger(int[] shape, int rank)
    {
        using Tensor tensor = TestTensors.Gaussian(3, shape);
        using CpTensor cp = (CpTensor)s_method.Decompose(tensor, new DecompositionOptions { Ranks = [rank], MaxIterations = 60, Rest = 0 });
        Assert.All(cp.Factors.SelectMany(f => f.Values.Values.ToArray()), x => Assert.True(x >= 0));
        for (int i = 1; i < cp.Errors.Count; i++)
            Assert.InRange(cp.Errors[i], 0, cp.Errors[i - 1] + 1e-12);
        Assert.Equal(cp.ErrorAgainst(tensor), cp.RelativeError, 1e-12);
        Assert.Equal("NonNegativeCp", cp.Method);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void What_has_factors_without_negative_entries_is_fitted(int[] shape, int rank)
    {
        List<Matrix<double>> planted = [.. shape.Select((n, k) => Magnitudes(TestTensors.GaussianMatrix((ulong)(30 + k), n, rank)))];
        using Tensor tensor = CpProducts.Dense(planted, null, default);
        using Decomposition cp = s_method.Decompose(tensor, new DecompositionOptions { Ranks = [rank], Starts = 4, MaxIterations = 4000, Rest = 1e-10 });
        Assert.InRange(cp.RelativeError, 0, 1e-3);
    }

    [Fact]
    public void A_tensor_without_positive_entries_is_best_left_out()
    {
        using Tensor tensor = TestTensors.Gaussian(3, 5, 6, 7);
        foreach (ref double value in tensor.Values)
            value = -Math.Abs(value);
        using Decomposition cp = s_method.Decompose(tensor, new DecompositionOptions { Ranks = [2], MaxIterations = 20 });
        Assert.Equal(1, cp.RelativeError, 1e-12);
        Assert.All(cp.Factors.SelectMany(f => f.Values.Values.ToArray()), x => Assert.True(double.IsFinite(x)));
    }

    [Fact]
    public void The_bits_do_not_depend_on_threads()
    {
        using Tensor tensor = TestTensors.Gaussian(9, 40, 30, 6);
        double[][] runs = [.. new[] { 1, 4 }.Select(threads =>
        {
            using Decomposition cp = s_method.Decompose(tensor, new DecompositionOptions { Ranks = [8], MaxIterations = 20, Compute = new ComputeOptions { ThreadCount = threads } });
            return cp.Factors.SelectMany(f => f.Values.Values.ToArray()).ToArray();
        })];
        Assert.Equal(runs[0], runs[1]);
    }

    private static Matrix<double> Magnitudes(Matrix<double> matrix)
    {
        foreach (ref double value in matrix.RowBlock(0, matrix.Rows))
            value = Math.Abs(value);
        return matrix;
    }
}
