using LowRankTools.Numerics;

namespace LowRankTools.Decompositions.Tests.Peers;

/// <summary>The shapes and ranks that TensorLy's own tests of these decompositions use, and the properties that they ask for.</summary>
public sealed class TensorLyCaseTests
{
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(1, 1, 1234)]
    [InlineData(3, 4, 1)]
    [InlineData(3, 4, 1234)]
    public void Cp_of_a_planted_tensor_is_close_falls_and_repeats_itself(int trueRank, int rank, ulong seed)
    {
        List<Matrix<double>> planted = [.. new[] { 6, 8, 4 }.Select((n, k) => TestTensors.GaussianMatrix(seed + (ulong)k, n, trueRank))];
        using Tensor tensor = CpProducts.Dense(planted, null, default);
        DecompositionOptions options = new() { Ranks = [rank], Starts = 3, MaxIterations = 200, Rest = 1e-6, Compute = new ComputeOptions { Seed = seed } };
        using CpTensor one = (CpTensor)DecompositionMethods.Find("Cp").Decompose(tensor, options), two = (CpTensor)DecompositionMethods.Find("Cp").Decompose(tensor, options);
        Assert.Equal(one.Errors, two.Errors);
        Assert.All(one.Errors.Zip(one.Errors.Skip(1)), pair => Assert.InRange(pair.Second - pair.First, double.MinValue, 1e-4));
        using Tensor dense = one.ToDense();
        Assert.InRange(TestTensors.Distance(tensor, dense), 0, 0.01);
        Assert.InRange(tensor.Values.ToArray().Zip(dense.Values.ToArray(), (x, y) => Math.Abs(x - y)).Max(), 0, 0.05);
    }

    [Fact]
    public void Non_negative_cp_is_near_plain_cp_from_either_start()
    {
        using Tensor tensor = Uniform(1234, 3, 3, 3);
        foreach (ref double value in tensor.Values)
            value++;
        DecompositionMethod method = DecompositionMethods.Find("NonNegativeCp");
        using Decomposition plain = DecompositionMethods.Find("Cp").Decompose(tensor, new DecompositionOptions { Ranks = [3], MaxIterations = 120 });
        using Decomposition svd = method.Decompose(tensor, new DecompositionOptions { Ranks = [3], MaxIterations = 100, Rest = 1e-3 });
        using Decomposition best = method.Decompose(tensor, new DecompositionOptions { Ranks = [3], MaxIterations = 100, Rest = 1e-3, Starts = 5 });
        Assert.All(svd.Factors.SelectMany(f => f.Values.Values.ToArray()), x => Assert.True(x >= 0));
        using Tensor a = plain.ToDense(), b = svd.ToDense(), c = best.ToDense();
        Assert.InRange(TestTensors.Distance(a, b), 0, 0.2);
        Assert.InRange(TestTensors.Distance(b, c), 0, 0.2);
    }

    [Fact]
    public void A_train_of_six_modes_has_the_ranks_that_are_asked_for_or_less()
    {
        using Tensor tensor = Uniform(1234, 3, 4, 5, 6, 2, 10);
        DecompositionMethod method = DecompositionMethods.Find("TensorTrain");
        using TensorTrain low = (TensorTrain)method.Decompose(tensor, new DecompositionOptions { Ranks = [3, 3, 4, 2, 2] });
        Assert.Equal([3, 3, 4, 2, 2], low.Ranks);
        Assert.Equal(tensor.Shape, low.Cores.Select(c => c.Shape[1]));
        using Decomposition high = method.Decompose(tensor, new DecompositionOptions { Ranks = [5, 4, 3, 8, 10] });
        Assert.All(high.Ranks.Zip([5, 4, 3, 8, 10]), pair => Assert.InRange(pair.First, 1, pair.Second));
        using Tensor cube = Uniform(1, 3, 3, 3);
        using Decomposition exact = method.Decompose(cube, new DecompositionOptions { Ranks = [3, 3] });
        Assert.InRange(exact.ErrorAgainst(cube), 0, 1e-12);
    }

    [Fact]
    public void A_train_matrix_of_rank_two_is_recovered_under_a_cap_of_ten()
    {
        DecompositionMethod method = DecompositionMethods.Find("TensorTrainMatrix");
        using Decomposition planted = method.Restore([8, 27], [2, 2], [TestTensors.Gaussian(1, 1, 2, 3, 2), TestTensors.Gaussian(2, 2, 2, 3, 2), TestTensors.Gaussian(3, 2, 2, 3, 1)]);
        using Tensor matrix = planted.ToDense();
        using Decomposition found = method.Decompose(matrix, new DecompositionOptions { Ranks = [10, 10], Tolerance = 1e-8 });
        Assert.Equal([2, 2], found.Ranks);
        Assert.InRange(found.ErrorAgainst(matrix), 0, 1e-8);
    }

    [Fact]
    public void Tucker_of_all_ranks_is_exact_and_of_fewer_has_their_shapes()
    {
        using Tensor tensor = Uniform(1234, 3, 4, 3);
        DecompositionMethod method = DecompositionMethods.Find("Tucker");
        using Decomposition all = method.Decompose(tensor, new DecompositionOptions { Ranks = [3, 4, 3] });
        Assert.InRange(all.ErrorAgainst(tensor), 0, 1e-14);
        using TuckerTensor partial = (TuckerTensor)method.Decompose(tensor, new DecompositionOptions { Ranks = [3, 1], Modes = [1, 2] });
        Assert.Equal([3, 3, 1], partial.Core.Shape);
        Assert.Equal([4, 3], partial.Factor(1)!.Shape);
        Assert.Equal([3, 1], partial.Factor(2)!.Shape);
        using TuckerTensor low = (TuckerTensor)method.Decompose(tensor, new DecompositionOptions { Ranks = [2, 2, 1] });
        Assert.Equal([2, 2, 1], low.Core.Shape);
        Assert.Equal([3, 2], low.Factor(0)!.Shape);
    }

    private static Tensor Uniform(ulong seed, params int[] shape)
    {
        Tensor tensor = new(shape);
        DeterministicRandom random = new(seed);
        foreach (ref double value in tensor.Values)
            value = random.NextDouble();
        return tensor;
    }
}
