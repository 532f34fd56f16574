using LowRankTools.Decompositions.Dedicom;
using LowRankTools.Decompositions.Indscal;
using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.RandomNumbers;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Tests;

public sealed class DedicomTests
{
    private static readonly DecompositionMethod s_method = DecompositionMethods.Find("Dedicom");

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void Planted_factors_are_found_up_to_order_and_lengths(int rank)
    {
        using Tensor tensor = Slices.Dedicom(rank, 25, 12, 0);
        using DedicomTensor dedicom = (DedicomTensor)s_method.Decompose(tensor, new DecompositionOptions { Ranks = [rank] });
        Assert.InRange(dedicom.RelativeError, 0, 1e-8);
        Assert.True(dedicom.Converged);
        using Matrix<double> planted = Slices.Loadings(25, rank);
        Assert.InRange(Columns.Worst(planted, dedicom.Loadings), 0, 1e-6);
    }

    // 100 x 100 x 10 at rank 5 is what others stop at 1.7 times the noise for.
    [Fact]
    public void With_noise_the_error_is_that_of_the_noise()
    {
        using Tensor tensor = Slices.Dedicom(5, 100, 10, 0.1);
        using Decomposition dedicom = s_method.Decompose(tensor, new DecompositionOptions { Ranks = [5] });
        Assert.InRange(dedicom.RelativeError, 0, 0.1 * 1.005);
    }

    [Fact]
    public void Derivatives_are_those_of_the_residuals()
    {
        using Tensor tensor = TestTensors.Gaussian(1, 3, 4, 4);
        foreach (CompressedProblem problem in (CompressedProblem[])[new DedicomResiduals(tensor, 2), new IndscalResiduals(tensor, 2, ComputeOptions.Default)])
        {
            double[] point = new double[problem.Unknowns], up = new double[problem.Count], down = new double[problem.Count];
            new DeterministicRandom(9).FillGaussian<double>(point);
            using Matrix<double> derivatives = new(problem.Unknowns, problem.Count);
            problem.Differentiate(point, derivatives);
            for (int i = 0; i < point.Length; i++)
            {
                double value = point[i];
                point[i] = value + 1e-6;
                problem.Evaluate(point, up);
                point[i] = value - 1e-6;
                problem.Evaluate(point, down);
                point[i] = value;
                for (int j = 0; j < up.Length; j++)
                    Assert.Equal((up[j] - down[j]) / 2e-6, derivatives[i, j], 1e-7);
            }
        }
    }

    [Fact]
    public void A_seed_gives_the_same_bits_and_factors_restore()
    {
        using Tensor tensor = Slices.Dedicom(3, 12, 6, 0.05), zeros = new(2, 4, 4);
        using Decomposition one = s_method.Decompose(tensor, With(1)), four = s_method.Decompose(tensor, With(4)), none = s_method.Decompose(zeros, new DecompositionOptions { Ranks = [2] });
        Assert.Equal(one.Factors.SelectMany(f => f.Values.Values.ToArray()), four.Factors.SelectMany(f => f.Values.Values.ToArray()));
        using Decomposition restored = s_method.Restore(one.Shape, one.Ranks, [.. one.Factors.Select(f => f.Values.Copy())]);
        Assert.Equal(one.RelativeError, restored.ErrorAgainst(tensor), 1e-14);
        Assert.All(none.Factors.SelectMany(f => f.Values.Values.ToArray()), x => Assert.True(double.IsFinite(x)));

        static DecompositionOptions With(int threads) => new() { Ranks = [3], Compute = new ComputeOptions { ThreadCount = threads, Seed = 5 } };
    }
}

/// <summary>How far found columns are from planted ones, whatever their order, lengths and signs.</summary>
internal static class Columns
{
    public static double Worst(Matrix<double> planted, Tensor found)
    {
        HashSet<int> taken = [];
        double worst = 0;
        for (int r = 0; r < planted.Columns; r++)
        {
            double[] x = Unit([.. Enumerable.Range(0, planted.Rows).Select(i => planted[i, r])]);
            (int match, double distance) = Enumerable.Range(0, found.Shape[1]).Where(k => !taken.Contains(k)).Select(k =>
            {
                double[] y = Unit(Recovery.Column(found, k));
                double sign = Math.Sign(x.Zip(y, (a, b) => a * b).Sum());
                return (k, Math.Sqrt(x.Zip(y, (a, b) => (a - (sign * b)) * (a - (sign * b))).Sum()));
            }).MinBy(p => p.Item2);
            taken.Add(match);
            worst = Math.Max(worst, distance);
        }
        return worst;
    }

    private static double[] Unit(double[] x)
    {
        double length = Math.Sqrt(x.Sum(v => v * v));
        return [.. x.Select(v => v / length)];
    }
}
