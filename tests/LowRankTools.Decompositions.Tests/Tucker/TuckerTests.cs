using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Subspaces;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Decompositions.Tucker;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.RandomNumbers;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Tests;

public sealed class TuckerTests
{
    private static readonly DecompositionMethod s_method = DecompositionMethods.Find("Tucker");

    [Fact]
    public void The_error_never_exceeds_the_tolerance_whatever_shape_and_values()
    {
        DeterministicRandom random = new(17);
        for (ulong trial = 0; trial < 80; trial++)
        {
            int[] shape = [.. Enumerable.Range(0, 2 + random.Next(4)).Select(_ => 1 + random.Next(7))];
            double tolerance = Math.Pow(10, -12 * random.NextDouble());
            using Tensor tensor = trial % 2 == 0 ? TestTensors.Smooth(trial, trial % 4 == 0 ? 0 : 1e-4, shape) : TestTensors.Gaussian(trial, shape);
            using Decomposition tucker = s_method.Decompose(tensor, new DecompositionOptions { Tolerance = tolerance });
            using Tensor dense = tucker.ToDense();
            double error = TestTensors.Distance(tensor, dense);
            Assert.True(error <= tolerance, $"{error} of {tolerance} for {string.Join('x', shape)}");
            Assert.InRange(tucker.RelativeError, error - (1e-6 * error) - 1e-13, error + (1e-6 * error) + 1e-13);
        }
    }

    [Fact]
    public void No_sweep_makes_the_error_larger_and_the_start_is_within_the_square_root_of_the_modes()
    {
        DeterministicRandom random = new(18);
        for (ulong trial = 0; trial < 20; trial++)
        {
            int[] shape = [.. Enumerable.Range(0, 3 + random.Next(2)).Select(_ => 3 + random.Next(6))];
            using Tensor tensor = TestTensors.Gaussian(trial, shape);
            using TuckerTensor tucker = (TuckerTensor)s_method.Decompose(tensor, new DecompositionOptions { Ranks = [2], Rest = 0 });
            for (int i = 1; i < tucker.Errors.Count; i++)
                Assert.InRange(tucker.Errors[i], 0, tucker.Errors[i - 1] + 1e-14);
            // The best of these ranks is no better than the best subspace of any one mode.
            double atLeast = Enumerable.Range(0, shape.Length).Max(n =>
            {
                using LeadingSubspace one = HigherOrderSvd.Subspace(tensor, n, null, 2, ComputeOptions.Default, default);
                return Math.Sqrt(one.SquaredError / tensor.SquaredNorm());
            });
            Assert.InRange(tucker.Errors[^1], atLeast * (1 - 1e-9), 1);
            Assert.InRange(tucker.Errors[0], atLeast * (1 - 1e-9), Math.Sqrt(shape.Length) * tucker.Errors[^1] * (1 + 1e-9));
        }
    }

    [Fact]
    public void Planted_ranks_are_found_and_the_factors_are_orthonormal()
    {
        using Tensor tensor = Planted([3, 2, 4], [12, 9, 11]);
        using TuckerTensor tucker = (TuckerTensor)s_method.Decompose(tensor, new DecompositionOptions { Tolerance = 1e-9 });
        Assert.Equal([3, 2, 4], tucker.Ranks);
        Assert.InRange(tucker.RelativeError, 0, 1e-12);
        for (int n = 0; n < 3; n++)
        {
            MatrixView<double> u = tucker.Factor(n)!.Matricize(1);
            using Matrix<double> gram = new(u.Columns, u.Columns);
            Gemm.MultiplyByOwnTranspose(1, u.Transpose(), 0, gram.View);
            for (int i = 0; i < gram.Rows; i++)
            {
                for (int j = 0; j < gram.Rows; j++)
                    Assert.Equal(i == j ? 1 : 0, gram[i, j], 1e-12);
            }
        }
    }

    [Fact]
    public void Modes_that_are_not_chosen_stay_in_the_core()
    {
        using Tensor tensor = TestTensors.Gaussian(4, 10, 12, 3, 3);
        using TuckerTensor partial = (TuckerTensor)s_method.Decompose(tensor, new DecompositionOptions { Ranks = [4, 5], Modes = [0, 1] });
        Assert.Equal([4, 5, 3, 3], partial.Ranks);
        Assert.Equal(["core", "factor0", "factor1"], partial.Factors.Select(f => f.Name));
        Assert.Null(partial.Factor(2));
        Assert.Equal((4 * 5 * 9) + (10 * 4) + (12 * 5), partial.ParameterCount);
        Assert.Equal(partial.ErrorAgainst(tensor), partial.RelativeError, 1e-9);
        using Decomposition same = s_method.Decompose(tensor, new DecompositionOptions { Ranks = [4, 5, 3, 3] });
        Assert.Equal(partial.Factors.SelectMany(f => f.Values.Values.ToArray()), same.Factors.SelectMany(f => f.Values.Values.ToArray()));
    }

    // More vectors than the other modes together have indices do nothing: 4 of the second beside 3 x 1 are 3.
    [Theory]
    [InlineData(new[] { 100 }, new[] { 20, 6, 5 })]
    [InlineData(new[] { 3, 4, 1 }, new[] { 3, 3, 1 })]
    [InlineData(new[] { 20, 2, 2 }, new[] { 20, 2, 2 })]
    public void Ranks_are_those_asked_for_or_the_most_that_do_anything(int[] asked, int[] expected)
    {
        using Tensor tensor = TestTensors.Gaussian(5, 20, 6, 5);
        using Decomposition tucker = s_method.Decompose(tensor, new DecompositionOptions { Ranks = asked });
        Assert.Equal(expected, tucker.Ranks);
        Assert.Equal(s_method.Factors(tucker.Shape, tucker.Ranks).Select(f => (f.Name, string.Join('x', f.Shape))), tucker.Factors.Select(f => (f.Name, string.Join('x', f.Values.Shape))));
        using Decomposition restored = s_method.Restore(tucker.Shape, tucker.Ranks, [.. tucker.Factors.Select(f => f.Values.Copy())]);
        Assert.Equal(tucker.RelativeError, restored.ErrorAgainst(tensor), 1e-9);
    }

    [Fact]
    public void The_bits_do_not_depend_on_threads()
    {
        using Tensor tensor = TestTensors.Smooth(9, 0.1, 24, 20, 22);
        using Decomposition one = s_method.Decompose(tensor, With(1)), four = s_method.Decompose(tensor, With(4));
        Assert.Equal(one.Factors.SelectMany(f => f.Values.Values.ToArray()), four.Factors.SelectMany(f => f.Values.Values.ToArray()));

        static DecompositionOptions With(int threads) => new() { Ranks = [5], Compute = new ComputeOptions { ThreadCount = threads } };
    }

    [Fact]
    public void What_cannot_be_done_is_refused()
    {
        using Tensor tensor = TestTensors.Gaussian(6, 4, 5, 6);
        foreach (int[] modes in new int[][] { [], [3], [-1], [0, 0] })
            Assert.Equal("OptionInvalid", Refused(tensor, new DecompositionOptions { Ranks = [2], Modes = modes }));
        Assert.Equal("OptionInvalid", Refused(tensor, new DecompositionOptions { Ranks = [2, 2, 2], Modes = [0, 1] }));
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => s_method.Factors([4, 5], [4, 6])).ErrorId);
    }

    [Fact]
    public void Sweeps_that_run_out_are_told_from_rest()
    {
        using Tensor tensor = TestTensors.Gaussian(6, 9, 8, 7);
        using Decomposition cut = s_method.Decompose(tensor, new DecompositionOptions { Ranks = [2], MaxIterations = 1, Rest = 0 });
        using Decomposition rested = s_method.Decompose(tensor, new DecompositionOptions { Ranks = [2], MaxIterations = 200 });
        Assert.Equal((false, 1), (cut.Converged, cut.Iterations));
        Assert.True(rested.Converged);
        Assert.InRange(rested.Iterations, 2, 199);
    }

    private static string Refused(Tensor tensor, DecompositionOptions options) =>
        Assert.Throws<LowRankToolsException>(() => s_method.Decompose(tensor, options)).ErrorId;

    private static Tensor Planted(int[] ranks, int[] shape)
    {
        Tensor tensor = TestTensors.Gaussian(50, ranks);
        for (int n = 0; n < shape.Length; n++)
        {
            using Tensor old = tensor;
            using Matrix<double> u = TestTensors.GaussianMatrix((ulong)(60 + n), shape[n], ranks[n]);
            tensor = ModeProduct.Multiply(old, n, u.View);
        }
        return tensor;
    }
}
