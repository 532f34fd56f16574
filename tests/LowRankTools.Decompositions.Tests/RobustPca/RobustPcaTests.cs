using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.RobustPca;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.RandomNumbers;

namespace LowRankTools.Decompositions.Tests;

public sealed class RobustPcaTests
{
    private static readonly DecompositionMethod s_method = DecompositionMethods.Find("RobustPca");

    // Candes and others: with rank and share of wrong entries this small, both parts come back exactly.
    [Theory]
    [InlineData(60, 60)]
    [InlineData(80, 50)]
    [InlineData(50, 80)]
    public void A_low_rank_and_a_sparse_part_come_back(int rows, int columns)
    {
        using Matrix<double> left = TestTensors.GaussianMatrix(1, rows, 3), right = TestTensors.GaussianMatrix(2, 3, columns);
        using Tensor low = Tensor.Uninitialized(rows, columns), sparse = new(rows, columns);
        Gemm.Multiply(1, left.View, right.View, 0, low.Matricize(1));
        DeterministicRandom random = new(3);
        for (int k = 0; k < rows * columns / 20; k++)
            sparse.Values[random.Next(sparse.Length)] = (random.NextDouble() < 0.5 ? -1 : 1) * (5 + (5 * random.NextDouble()));
        using Tensor tensor = low.Copy();
        for (int i = 0; i < tensor.Length; i++)
            tensor.Values[i] += sparse.Values[i];
        using LowRankPlusSparse found = (LowRankPlusSparse)s_method.Decompose(tensor, new DecompositionOptions { Tolerance = 1e-8 });
        Assert.True(found.Converged);
        Assert.InRange(found.RelativeError, 0, 1e-8);
        Assert.Equal(3, found.Ranks[0]);
        Assert.InRange(Math.Sqrt(Sums.OfSquaredDifferences(found.Sparse.Values, sparse.Values) / sparse.SquaredNorm()), 0, 1e-5);
        Assert.InRange(found.SparseEntries, 1, rows * columns / 19);
    }

    [Fact]
    public void Zeros_and_sweeps_that_run_out_are_no_trouble()
    {
        using Tensor zeros = new(6, 5), tensor = TestTensors.Gaussian(1, 20, 15);
        using Decomposition none = s_method.Decompose(zeros, new DecompositionOptions { Tolerance = 1e-6 }), cut = s_method.Decompose(tensor, new DecompositionOptions { Tolerance = 1e-9, MaxIterations = 3 });
        Assert.Equal((0.0, true), (none.RelativeError, none.Converged));
        Assert.Equal((3, false), (cut.Iterations, cut.Converged));
        using Decomposition capped = s_method.Decompose(tensor, new DecompositionOptions { Tolerance = 1e-6, Ranks = [2] });
        Assert.InRange(capped.Ranks[0], 1, 2);
        Assert.False(s_method.MayBeSmaller([20, 15], new DecompositionOptions { Tolerance = 1e-6 }));
    }
}
