using LowRankTools.Decompositions.Indscal;
using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Tests;

public sealed class IndscalTests
{
    private static readonly DecompositionMethod s_method = DecompositionMethods.Find("Indscal");

    [Theory]
    [InlineData(3)]
    [InlineData(6)]
    public void Planted_factors_are_found(int rank)
    {
        using Tensor tensor = Slices.Indscal(rank, 30, 10, 0);
        using IndscalTensor indscal = (IndscalTensor)s_method.Decompose(tensor, new DecompositionOptions { Ranks = [rank] });
        Assert.InRange(indscal.RelativeError, 0, 1e-8);
        using Matrix<double> planted = Slices.Loadings(30, rank);
        Assert.InRange(Columns.Worst(planted, indscal.Loadings), 0, 1e-6);
    }

    [Fact]
    public void With_noise_the_error_is_that_of_the_noise_and_factors_restore()
    {
        using Tensor tensor = Slices.Indscal(4, 50, 8, 0.1);
        using Decomposition indscal = s_method.Decompose(tensor, new DecompositionOptions { Ranks = [4] });
        Assert.InRange(indscal.RelativeError, 0, 0.1 * 1.005);
        using Decomposition restored = s_method.Restore(indscal.Shape, indscal.Ranks, [.. indscal.Factors.Select(f => f.Values.Copy())]);
        Assert.Equal(indscal.RelativeError, restored.ErrorAgainst(tensor), 1e-14);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public void Without_noise_two_sums_of_definite_matrices_have_the_factors_already(double sign)
    {
        const int rank = 4, count = 6;
        using Matrix<double> a = TestTensors.GaussianMatrix(1, rank, rank), gaussian = TestTensors.GaussianMatrix(2, count, rank);
        using Tensor tensor = new(count, rank, rank);
        for (int place = 0; place < tensor.Length; place++)
        {
            int k = place / (rank * rank), i = place / rank % rank, j = place % rank;
            for (int p = 0; p < rank; p++)
                tensor.Values[place] += sign * a[i, p] * (0.1 + Math.Abs(gaussian[k, p])) * a[j, p];
        }
        IndscalResiduals problem = new(tensor, rank, ComputeOptions.Default);
        double[] residuals = new double[problem.Count];
        foreach (int start in (int[])[0, 2, 4])
        {
            problem.Evaluate(problem.Start(start, (ulong)start, default), residuals);
            Assert.InRange(residuals.Sum(r => r * r) / tensor.SquaredNorm(), 0, 1e-20);
        }
        // The others know nothing.
        problem.Evaluate(problem.Start(1, 1, default), residuals);
        Assert.InRange(residuals.Sum(r => r * r) / tensor.SquaredNorm(), 1e-3, double.PositiveInfinity);
    }

    [Fact]
    public void Squares_of_residuals_add_up_to_those_of_all_entries_of_the_symmetric_parts()
    {
        using Tensor tensor = TestTensors.Gaussian(3, 2, 3, 3);
        IndscalResiduals problem = new(tensor, 2, ComputeOptions.Default);
        double[] point = problem.Start(1, 8, default), residuals = new double[problem.Count];
        problem.Evaluate(point, residuals);
        double expected = 0;
        for (int place = 0; place < tensor.Length; place++)
        {
            int k = place / 9, i = place / 3 % 3, j = place % 3;
            double model = Enumerable.Range(0, 2).Sum(p => point[(i * 2) + p] * point[((3 + k) * 2) + p] * point[(j * 2) + p]);
            expected += Math.Pow(model - (0.5 * (tensor.Values[place] + tensor.Values[(((k * 3) + j) * 3) + i])), 2);
        }
        Assert.Equal(expected, residuals.Sum(r => r * r), 1e-12);
    }
}
