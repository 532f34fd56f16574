using LowRankTools.Decompositions.Cp;
using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.RobustPca;
using LowRankTools.Decompositions.Subspaces;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Decompositions.TensorTrains;
using LowRankTools.Decompositions.Tucker;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.RandomNumbers;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Tests.Peers;

/// <summary>The shapes and ranks that TensorLy's own tests of these decompositions use, and the properties that they ask for.</summary>
public sealed class TensorLyCaseTests
{
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(1, 1, 1234)]
    [InlineData(3, 4, 1)]
    [InlineData(3, 4, 1234)]
    // test_parafac
    public void Cp_of_a_planted_tensor_is_close_falls_and_repeats_itself(int trueRank, int rank, ulong seed)
    {
        List<Matrix<double>> planted = [.. new[] { 6, 8, 7 }.Select((n, k) => TestTensors.GaussianMatrix(seed + (ulong)k, n, trueRank))];
        using Tensor tensor = CpProducts.Dense(planted, null, default);
        DecompositionOptions options = new() { Ranks = [rank], Starts = 3, MaxIterations = 200, Rest = 1e-6, Compute = new ComputeOptions { Seed = seed } };
        using CpTensor one = (CpTensor)DecompositionMethods.Find("Cp").Decompose(tensor, options), two = (CpTensor)DecompositionMethods.Find("Cp").Decompose(tensor, options);
        Assert.Equal(one.Errors, two.Errors);
        Assert.All(one.Errors.Zip(one.Errors.Skip(1)), pair => Assert.InRange(pair.Second - pair.First, double.MinValue, 1e-7));
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

    // test_non_negative_parafac, by HALS.
    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 1)]
    [InlineData(1, 2)]
    [InlineData(3, 2)]
    public void Non_negative_cp_of_a_planted_tensor_falls_and_is_close(int rank, ulong seed)
    {
        List<Matrix<double>> planted = [.. new[] { 6, 3, 12 }.Select((n, k) => Positive(seed + (ulong)k, n, rank))];
        using Tensor tensor = CpProducts.Dense(planted, null, default);
        using CpTensor found = (CpTensor)DecompositionMethods.Find("NonNegativeCp").Decompose(tensor, new DecompositionOptions { Ranks = [rank], MaxIterations = 80, Rest = 1e-6 });
        Assert.All(found.Errors.Zip(found.Errors.Skip(1)), pair => Assert.InRange(pair.Second - pair.First, double.MinValue, 1e-3));
        Assert.All(found.Factors.SelectMany(f => f.Values.Values.ToArray()), x => Assert.True(x >= 0));
        using Tensor dense = found.ToDense();
        Assert.InRange(TestTensors.Distance(tensor, dense), 0, 0.07);
        Assert.InRange(tensor.Values.ToArray().Zip(dense.Values.ToArray(), (x, y) => Math.Abs(x - y)).Max(), 0, 0.1);
    }

    // test_randomised_parafac.
    [Fact]
    public void Randomized_cp_of_a_planted_tensor_is_close()
    {
        List<Matrix<double>> planted = [.. Enumerable.Range(0, 3).Select(k => Positive((ulong)(90 + k), 10, 4))];
        using Tensor tensor = CpProducts.Dense(planted, null, default);
        using CpTensor found = (CpTensor)DecompositionMethods.Find("RandomizedCp").Decompose(tensor, new DecompositionOptions { Ranks = [4], MaxIterations = 60, Rest = 0 });
        Assert.Equal([[4], [10, 4], [10, 4], [10, 4]], found.Factors.Select(f => f.Values.Shape.ToArray()));
        Assert.InRange(found.ErrorAgainst(tensor), 0, 0.05);
    }

    // test_tensor_train, third part, and test_tensor_train_matrix.
    [Theory]
    [InlineData(1)]
    [InlineData(1234)]
    public void A_planted_train_of_three_modes_is_recovered(ulong seed)
    {
        using TensorTrain planted = new(TestTensors.Gaussian(seed, 1, 3, 2), TestTensors.Gaussian(seed + 1, 2, 3, 3), TestTensors.Gaussian(seed + 2, 3, 3, 1));
        using Tensor tensor = planted.ToDense();
        using Decomposition found = DecompositionMethods.Find("TensorTrain").Decompose(tensor, new DecompositionOptions { Ranks = [2, 3] });
        Assert.InRange(found.ErrorAgainst(tensor), 0, 1e-9);
    }

    // test_tensor_ring.
    [Fact]
    public void A_planted_ring_of_five_modes_is_recovered_at_its_ranks()
    {
        int[] shape = [6, 2, 3, 2, 6], ranks = [3, 2, 4, 12, 18];
        DecompositionMethod method = DecompositionMethods.Find("TensorRing");
        using Decomposition planted = method.Restore(shape, ranks, [.. shape.Select((n, k) => TestTensors.Gaussian((ulong)(70 + k), ranks[k], n, ranks[(k + 1) % 5]))]);
        using Tensor tensor = planted.ToDense();
        using Decomposition found = method.Decompose(tensor, new DecompositionOptions { Ranks = ranks });
        Assert.Equal(ranks, found.Ranks);
        Assert.InRange(found.ErrorAgainst(tensor), 0, 1e-10);
        // A first mode of six cannot open two ranks of more than six.
        using Decomposition capped = method.Decompose(tensor, new DecompositionOptions { Ranks = [12, 2, 10, 3, 6] });
        Assert.InRange(capped.Ranks[0] * capped.Ranks[1], 1, 6);
    }

    // test_RPCA, of matrices: rows that are all the same but for every twentieth entry, which is off by a hundred.
    [Fact]
    public void Robust_pca_takes_gross_errors_out_of_a_matrix_of_rank_one()
    {
        using Tensor clean = new(100, 80), corrupted = new(100, 80);
        DeterministicRandom random = new(12345);
        for (int i = 0; i < clean.Length; i++)
        {
            clean.Values[i] = (i % 80 % 4) + 1;
            corrupted.Values[i] = clean.Values[i] + (random.NextDouble() < 0.05 ? random.NextDouble() < 0.5 ? 100 : -100 : 0);
        }
        using LowRankPlusSparse found = (LowRankPlusSparse)DecompositionMethods.Find("RobustPca").Decompose(corrupted, new DecompositionOptions { Tolerance = 1e-8 });
        using Tensor whole = found.ToDense();
        Assert.InRange(TestTensors.Distance(corrupted, whole), 0, 1e-7);
        Tensor sparse = found.Factors[^1].Values;
        for (int i = 0; i < clean.Length; i++)
        {
            Assert.InRange(Math.Abs(whole.Values[i] - sparse.Values[i] - clean.Values[i]), 0, 0.1);
            Assert.Equal(corrupted.Values[i] - clean.Values[i] > 0.01, sparse.Values[i] > 0.01);
        }
    }

    // test_non_negative_tucker.
    [Fact]
    public void Non_negative_tucker_of_a_planted_tensor_is_close_and_one_rank_serves_all_modes()
    {
        DecompositionMethod method = DecompositionMethods.Find("NonNegativeTucker");
        using Decomposition planted = method.Restore([3, 4, 3], [3, 4, 3], [Uniform(80, 3, 4, 3), Uniform(81, 3, 3), Uniform(82, 4, 4), Uniform(83, 3, 3)]);
        using Tensor tensor = planted.ToDense();
        using Decomposition found = method.Decompose(tensor, new DecompositionOptions { Ranks = [3, 4, 3], MaxIterations = 100 }), cube = method.Decompose(tensor, new DecompositionOptions { Ranks = [3], MaxIterations = 2 });
        Assert.All(found.Factors.SelectMany(f => f.Values.Values.ToArray()), x => Assert.True(x >= 0));
        Assert.InRange(found.ErrorAgainst(tensor), 0, 0.05);
        Assert.Equal([[3, 3, 3], [3, 3], [4, 3], [3, 3]], cube.Factors.Select(f => f.Values.Shape.ToArray()));
    }

    // test_svd_interface_approx, by the subspace that all methods stand on.
    [Theory]
    [InlineData(10, 5, 1)]
    [InlineData(10, 5, 3)]
    [InlineData(10, 10, 10)]
    [InlineData(5, 10, 3)]
    [InlineData(5, 10, 10)]
    public void The_subspace_of_a_matrix_of_a_rank_holds_it(int rows, int columns, int rank)
    {
        using Matrix<double> left = Positive(1, rows, rank), right = Positive(2, rank, columns), product = new(rows, columns);
        Gemm.Multiply(1, left.View, right.View, 0, product.View);
        using LeadingSubspace found = LeadingSubspace.Of(product.View, null, rank, ComputeOptions.Default, default);
        using Matrix<double> back = new(rows, columns);
        Gemm.Multiply(1, found.Basis.Transposed, found.Coordinates.View, 0, back.View);
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < columns; j++)
                Assert.Equal(product[i, j], back[i, j], 1e-10);
        }
    }

    // test_khatri_rao: its example of two squares, whose product is known.
    [Fact]
    public void The_khatri_rao_product_of_a_square_and_its_transpose_has_the_entries_of_the_textbook()
    {
        using Matrix<double> a = Matrix<double>.From(3, 3, [.. Enumerable.Range(1, 9).Select(i => (double)i)]), b = a.Transposed.ToMatrix(), product = KhatriRao.Of(a, b);
        Assert.Equal([1, 8, 21], product.Row(0).ToArray());
        Assert.Equal([8, 25, 48], product.Row(4).ToArray());
        Assert.Equal([21, 48, 81], product.Row(8).ToArray());
    }

    private static Matrix<double> Positive(ulong seed, int rows, int columns)
    {
        using Tensor entries = Uniform(seed, rows, columns);
        return entries.Matricize(1).ToMatrix();
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
