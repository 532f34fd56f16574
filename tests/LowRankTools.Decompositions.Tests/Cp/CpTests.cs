using LowRankTools.Decompositions.Cp;
using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Subspaces;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Tests;

public sealed class CpTests
{
    private static readonly DecompositionMethod s_method = DecompositionMethods.Find("cp");

    // The fourth has a mode smaller than the rank, the fifth a rank that only one mode reaches.
    public static TheoryData<int[], int> Plants => new()
    {
        { [10, 12, 14], 4 }, { [20, 20, 20], 8 }, { [6, 7, 8, 5], 5 }, { [12, 11, 3], 5 }, { [9, 4, 4], 5 }, { [30, 20, 9], 16 }, { [8, 9, 10], 1 },
    };

    [Theory]
    [MemberData(nameof(Plants))]
    public void Planted_factors_are_recovered_to_1e_6_up_to_scaling_and_order(int[] shape, int rank)
    {
        List<Matrix<double>> planted = [.. shape.Select((n, k) => TestTensors.GaussianMatrix((ulong)(70 + k), n, rank))];
        using Tensor tensor = CpProducts.Dense(planted, null, default);
        using CpTensor cp = (CpTensor)s_method.Decompose(tensor, new DecompositionOptions { Ranks = [rank], Starts = 4, MaxIterations = 2000, Rest = 1e-12 });
        Assert.InRange(cp.RelativeError, 0, 1e-7);
        Assert.InRange(Recovery.Worst(planted, cp), 0, 1e-6);
    }

    [Fact]
    public void No_sweep_makes_the_error_larger_not_even_with_steps_beyond()
    {
        using Tensor tensor = TestTensors.Smooth(3, 0.1, 12, 13, 14);
        using CpTensor cp = (CpTensor)s_method.Decompose(tensor, new DecompositionOptions { Ranks = [5], MaxIterations = 80, Rest = 0 });
        for (int i = 1; i < cp.Errors.Count; i++)
            Assert.InRange(cp.Errors[i], 0, cp.Errors[i - 1] + 1e-12);
        Assert.Equal(cp.Errors[^1], cp.RelativeError, 1e-9);
        Assert.Equal(cp.ErrorAgainst(tensor), cp.RelativeError, 1e-12);
    }

    [Fact]
    public void More_starts_are_never_worse()
    {
        using Tensor tensor = TestTensors.Gaussian(5, 7, 6, 8);
        double[] errors = [.. new[] { 1, 3, 6 }.Select(starts =>
        {
            using Decomposition cp = s_method.Decompose(tensor, new DecompositionOptions { Ranks = [4], Starts = starts });
            return cp.RelativeError;
        })];
        Assert.True(errors[1] <= errors[0] && errors[2] <= errors[1], string.Join(", ", errors));
    }

    [Fact]
    public void A_rank_far_above_a_mode_needs_no_more_memory_than_its_factors()
    {
        // A start that unfolds into a square of the other modes' product would ask for 8 GB here.
        using Tensor tensor = TestTensors.Gaussian(6, 180, 180, 2);
        using Decomposition cp = s_method.Decompose(tensor, new DecompositionOptions { Ranks = [6], MaxIterations = 3 });
        Assert.Equal(6 * (1 + 180 + 180 + 2), cp.ParameterCount);
        Assert.InRange(cp.RelativeError, 0, 1);
    }

    [Fact]
    public void Weights_descend_columns_have_length_one_and_signs_follow_the_rule()
    {
        using Tensor tensor = TestTensors.Gaussian(8, 6, 7, 8);
        using CpTensor cp = (CpTensor)s_method.Decompose(tensor, new DecompositionOptions { Ranks = [3] });
        double[] weights = cp.Weights.Values.ToArray();
        Assert.Equal(weights.OrderDescending(), weights);
        Assert.All(weights, w => Assert.True(w >= 0));
        for (int n = 0; n < 3; n++)
        {
            for (int r = 0; r < 3; r++)
            {
                double[] column = Recovery.Column(cp.Matrices[n], r);
                Assert.Equal(1, column.Sum(x => x * x), 1e-12);
                if (n < 2)
                    Assert.True(SignRule.Largest(column) > 0);
            }
        }
    }

    [Fact]
    public void A_seed_gives_the_same_bits_whatever_the_threads_and_another_seed_others()
    {
        using Tensor tensor = TestTensors.Gaussian(9, 40, 30, 6);
        double[] one = Factors(1, 5), four = Factors(4, 5), other = Factors(1, 6);
        Assert.Equal(one, four);
        Assert.NotEqual(one, other);

        double[] Factors(int threads, ulong seed)
        {
            using Decomposition cp = s_method.Decompose(tensor, new DecompositionOptions { Ranks = [8], Starts = 2, MaxIterations = 20, Compute = new ComputeOptions { ThreadCount = threads, Seed = seed } });
            return [.. cp.Factors.SelectMany(f => f.Values.Values.ToArray())];
        }
    }

    [Fact]
    public void A_rank_above_that_of_the_tensor_is_no_trouble()
    {
        List<Matrix<double>> planted = [.. new[] { 6, 7, 8 }.Select((n, k) => TestTensors.GaussianMatrix((ulong)(70 + k), n, 2))];
        using Tensor tensor = CpProducts.Dense(planted, null, default), zeros = new(3, 4, 5);
        using Decomposition more = s_method.Decompose(tensor, new DecompositionOptions { Ranks = [4] }), none = s_method.Decompose(zeros, new DecompositionOptions { Ranks = [2] });
        Assert.InRange(more.RelativeError, 0, 1e-6);
        Assert.All(none.Factors.SelectMany(f => f.Values.Values.ToArray()), x => Assert.True(double.IsFinite(x)));
        Assert.Equal(0, none.RelativeError);
    }

    [Fact]
    public void It_is_restored_from_its_factors()
    {
        using Tensor tensor = TestTensors.Gaussian(9, 4, 5, 6);
        using Decomposition cp = s_method.Decompose(tensor, new DecompositionOptions { Ranks = [3] });
        Assert.Equal(s_method.Factors(cp.Shape, cp.Ranks).Select(f => (f.Name, string.Join('x', f.Shape))), cp.Factors.Select(f => (f.Name, string.Join('x', f.Values.Shape))));
        using Decomposition restored = s_method.Restore(cp.Shape, cp.Ranks, [.. cp.Factors.Select(f => f.Values.Copy())]);
        Assert.Equal(cp.RelativeError, restored.ErrorAgainst(tensor), 1e-14);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => s_method.Factors([4, 5, 6], [3, 3])).ErrorId);
    }

    [Fact]
    public void A_tolerance_and_several_ranks_are_refused()
    {
        using Tensor tensor = TestTensors.Gaussian(9, 4, 5, 6);
        Assert.Equal("OptionInvalid", Refused(new DecompositionOptions { Tolerance = 0.1 }));
        Assert.Equal("OptionInvalid", Refused(new DecompositionOptions { Ranks = [2], Tolerance = 0.1 }));
        Assert.Equal("OptionInvalid", Refused(new DecompositionOptions { Ranks = [2, 2, 2] }));

        string Refused(DecompositionOptions options) => Assert.Throws<LowRankToolsException>(() => s_method.Decompose(tensor, options)).ErrorId;
    }

    [Theory]
    [InlineData(2, true)]
    [InlineData(8, false)]
    [InlineData(int.MaxValue, false)]
    public void A_rank_that_makes_nothing_smaller_is_known_beforehand(int rank, bool smaller) =>
        Assert.Equal(smaller, s_method.MayBeSmaller([4, 5, 6], new DecompositionOptions { Ranks = [rank] }));

    [Fact]
    public void It_stops_when_told_to_while_it_runs()
    {
        using Tensor tensor = TestTensors.Gaussian(9, 12, 13, 14);
        using CancellationTokenSource stop = new();
        Progress progress = new(() => stop.Cancel());
        Assert.ThrowsAny<OperationCanceledException>(() => s_method.Decompose(tensor, new DecompositionOptions { Ranks = [6], MaxIterations = 100000, Rest = 0 }, progress, stop.Token));
    }

    private sealed class Progress(Action first) : IProgress<double>
    {
        public void Report(double value) => first();
    }
}
