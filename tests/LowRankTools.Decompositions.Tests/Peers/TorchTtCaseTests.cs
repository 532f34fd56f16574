using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Decompositions.TensorTrainMatrices;
using LowRankTools.Decompositions.TensorTrains;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.RandomNumbers;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Tests.Peers;

/// <summary>The shapes, ranks and properties of torchTT's own tests, of what it and this library both have: real numbers, sums, products with dense tensors, rounding.</summary>
public sealed class TorchTtCaseTests
{
    private static readonly DecompositionMethod s_method = DecompositionMethods.Find("TensorTrain");

    // test_init: a train of given cores is the product of its matrices, entry by entry.
    [Fact]
    public void Cores_that_are_given_make_their_tensor()
    {
        using TensorTrain train = Random(1, [20, 10, 5], 3, 4);
        using Tensor dense = train.ToDense();
        foreach (int[] i in TestTensors.Indices(20, 10, 5))
        {
            double sum = 0;
            for (int a = 0; a < 3; a++)
            {
                for (int b = 0; b < 4; b++)
                    sum += TestTensors.At(train.Cores[0], 0, i[0], a) * TestTensors.At(train.Cores[1], a, i[1], b) * TestTensors.At(train.Cores[2], b, i[2], 0);
            }
            Assert.InRange(Math.Abs(sum - TestTensors.At(dense, i)), 0, 1e-13);
        }
    }

    // test_decomposition_random: caps that never hold leave a random tensor as it is.
    [Fact]
    public void A_random_tensor_is_kept_whole()
    {
        using Tensor tensor = Uniform(2, 10, 20, 30, 5);
        using Decomposition train = s_method.Decompose(tensor, new DecompositionOptions { Ranks = [1000], Tolerance = 0 });
        Assert.InRange(train.ErrorAgainst(tensor), 0, 1e-12);
    }

    // test_decomposition_lowrank: and the ranks are found.
    [Fact]
    public void Ranks_of_a_train_are_found_in_its_tensor()
    {
        using TensorTrain planted = Random(3, [200, 100, 50], 30, 4);
        using Tensor tensor = planted.ToDense();
        using Decomposition train = s_method.Decompose(tensor, new DecompositionOptions { Tolerance = 1e-12 });
        Assert.InRange(train.ErrorAgainst(tensor), 0, 1e-12);
        Assert.Equal([30, 4], train.Ranks);
    }

    // test_decomposition_highd.
    [Fact]
    public void A_train_of_twenty_modes_of_two_is_found()
    {
        using TensorTrain planted = Random(4, [.. Enumerable.Repeat(2, 20)], [.. Enumerable.Repeat(16, 19)]);
        using Tensor tensor = planted.ToDense();
        using Decomposition train = s_method.Decompose(tensor, new DecompositionOptions { Tolerance = 1e-12 });
        Assert.InRange(train.ErrorAgainst(tensor), 0, 1e-12);
        Assert.All(train.Ranks, r => Assert.InRange(r, 1, 16));
    }

    // test_decomposition_ttm, of modes a third as large.
    [Fact]
    public void A_random_matrix_of_given_digits_is_kept_whole()
    {
        using Tensor matrix = Uniform(5, 4 * 5 * 6, 5 * 6 * 7);
        using TensorTrainMatrix train = TensorTrainMatrix.Near(matrix, [4, 5, 6], [5, 6, 7], 0, [1000, 1000], ComputeOptions.Default, null, default);
        Assert.InRange(train.ErrorAgainst(matrix), 0, 1e-12);
        Assert.Equal([(4, 5), (5, 6), (6, 7)], train.Cores.Select(c => (c.Shape[1], c.Shape[2])));
    }

    // test_decomposition_orthogonal: rounding to nothing keeps the tensor, and leaves every core but the last with orthonormal columns.
    [Fact]
    public void Rounding_makes_cores_orthonormal_and_keeps_the_tensor()
    {
        using TensorTrain train = Random(6, [3, 4, 5, 3, 8, 7, 10, 3, 5], 20, 12, 34, 3, 50, 100, 12, 2), rounded = train.Round(1e-13);
        Assert.InRange(Distance(train, rounded), 0, 1e-12);
        foreach (Tensor core in rounded.Cores.SkipLast(1))
        {
            using Matrix<double> gram = new(core.Shape[2], core.Shape[2]);
            Gemm.MultiplyByOwnTranspose(1, core.Matricize(2).Transpose(), 0, gram.View);
            for (int i = 0; i < gram.Rows; i++)
            {
                for (int j = 0; j <= i; j++)
                    Assert.Equal(i == j ? 1 : 0, gram[i, j], 1e-11);
            }
        }
    }

    // test_decomposition_rounding: four separable parts, a thousand times smaller from one to the next.
    [Theory]
    [InlineData(1e-9, 3)]
    [InlineData(1e-6, 2)]
    [InlineData(1e-3, 1)]
    public void Rounding_drops_the_parts_below_the_tolerance(double tolerance, int rank)
    {
        TensorTrain? sum = null;
        for (int part = 0; part < 4; part++)
        {
            using TensorTrain one = new(new[] { 20, 30, 32 }.Select((n, k) => Uniform((ulong)(10 + (part * 3) + k), 1, n, 1)).ToArray());
            double weight = Math.Pow(1e-3, part) / Math.Sqrt(one.Dot(one));
            using TensorTrain? old = sum;
            using TensorTrain zero = new(new[] { 20, 30, 32 }.Select(n => new Tensor(1, n, 1)).ToArray());
            sum = (old ?? zero).Add(one, weight);
        }
        using (sum)
        using (TensorTrain rounded = sum!.Round(tolerance))
        {
            Assert.Equal([rank, rank], rounded.Ranks);
            Assert.InRange(Distance(sum, rounded), 0, tolerance);
        }
    }

    // test_add and test_sub, with constants as trains of ones.
    [Fact]
    public void Sums_and_differences_are_those_of_the_tensors()
    {
        int[] shape = [10, 8, 6, 9, 12];
        using TensorTrain x = Random(20, shape, 3, 4, 5, 6), y = Random(21, shape, 2, 4, 5, 4), z = Random(22, shape, 2, 2, 2, 2), one = Ones(shape);
        using TensorTrain xy = x.Add(y), plus = xy.Add(z), minus = x.Add(y, -1), constant = x.Add(one, 3.5);
        using Tensor a = x.ToDense(), b = y.ToDense(), c = z.ToDense(), sum = plus.ToDense(), difference = minus.ToDense(), shifted = constant.ToDense();
        for (int i = 0; i < a.Length; i++)
        {
            Assert.Equal(a.Values[i] + b.Values[i] + c.Values[i], sum.Values[i], 1e-11);
            Assert.Equal(a.Values[i] - b.Values[i], difference.Values[i], 1e-11);
            Assert.Equal(a.Values[i] + 3.5, shifted.Values[i], 1e-11);
        }
    }

    // test_dot and test_sum: a sum of all entries is the product with ones.
    [Fact]
    public void Inner_products_and_sums_are_those_of_the_entries()
    {
        int[] shape = [4, 5, 6, 7, 8, 9];
        using TensorTrain a = Random(30, shape, 2, 10, 16, 20, 7), b = Random(31, shape, 3, 4, 10, 10, 4), one = Ones(shape);
        using Tensor x = a.ToDense(), y = b.ToDense();
        double inner = 0, size = 0, sum = 0, absolute = 0;
        for (int i = 0; i < x.Length; i++)
        {
            (inner, size) = (inner + (x.Values[i] * y.Values[i]), size + Math.Abs(x.Values[i] * y.Values[i]));
            (sum, absolute) = (sum + x.Values[i], absolute + Math.Abs(x.Values[i]));
        }
        Assert.InRange(Math.Abs(a.Dot(b) - inner), 0, 1e-12 * size);
        Assert.InRange(Math.Abs(a.Dot(one) - sum), 0, 1e-12 * absolute);
    }

    // test_combination: (x - y)(x - y) = x x - 2 x y + y y.
    [Fact]
    public void The_binomial_formula_holds_for_trains()
    {
        int[] shape = [4, 7, 13, 14, 19];
        using TensorTrain x = Random(40, shape, 2, 10, 13, 10), y = Random(41, shape, 2, 4, 2, 4), difference = x.Add(y, -1);
        double left = difference.Dot(difference), right = x.Dot(x) - (2 * x.Dot(y)) + y.Dot(y);
        Assert.InRange(Math.Abs(left - right) / left, 0, 1e-12);
    }

    // test_matvecdense: a TT-matrix on one vector and on many side by side.
    [Theory]
    [InlineData(1)]
    [InlineData(22)]
    [InlineData(128)]
    public void A_train_matrix_multiplies_dense_vectors(int count)
    {
        int[] rows = [5, 7, 9, 4], columns = [6, 8, 10, 5], ranks = [1, 5, 5, 3, 1];
        NamedFactor[] cores = [.. rows.Select((m, k) => new NamedFactor($"core{k}", TestTensors.Gaussian((ulong)(50 + k), ranks[k], m, columns[k], ranks[k + 1])))];
        using TensorTrainMatrix train = new([5 * 7 * 9 * 4, 6 * 8 * 10 * 5], [5, 5, 3], cores);
        using Tensor dense = train.ToDense();
        using Matrix<double> x = TestTensors.GaussianMatrix(60, 2400, count), y = train.Multiply(x.View), expected = new(1260, count);
        Gemm.Multiply(1, dense.Matricize(1), x.View, 0, expected.View);
        double difference = 0, norm = 0;
        for (int i = 0; i < y.Rows; i++)
        {
            for (int j = 0; j < count; j++)
                (difference, norm) = (difference + Math.Pow(y[i, j] - expected[i, j], 2), norm + Math.Pow(expected[i, j], 2));
        }
        Assert.InRange(Math.Sqrt(difference / norm), 0, 1e-13);
    }

    private static TensorTrain Random(ulong seed, int[] shape, params int[] ranks)
    {
        int[] all = [1, .. ranks, 1];
        return new TensorTrain(shape.Select((n, k) => TestTensors.Gaussian(seed + (100 * (ulong)k), all[k], n, all[k + 1])).ToArray());
    }

    private static TensorTrain Ones(int[] shape) => new(shape.Select(n => Tensor.From([.. Enumerable.Repeat(1.0, n)], 1, n, 1)).ToArray());

    private static Tensor Uniform(ulong seed, params int[] shape)
    {
        Tensor tensor = new(shape);
        DeterministicRandom random = new(seed);
        foreach (ref double value in tensor.Values)
            value = random.NextDouble();
        return tensor;
    }

    // By the dense tensors: the square of a norm that cancels would only be good to 1e-8.
    private static double Distance(TensorTrain x, TensorTrain y)
    {
        using Tensor a = x.ToDense(), b = y.ToDense();
        return TestTensors.Distance(a, b);
    }
}
