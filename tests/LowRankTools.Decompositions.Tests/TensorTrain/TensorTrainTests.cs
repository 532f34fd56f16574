using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Subspaces;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Decompositions.TensorTrains;
using LowRankTools.Numerics;
using LowRankTools.Numerics.RandomNumbers;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Tests;

public sealed class TensorTrainTests
{
    private static readonly DecompositionMethod s_method = DecompositionMethods.Find("tensortrain");

    [Fact]
    public void The_error_never_exceeds_the_tolerance_whatever_shape_and_values()
    {
        DeterministicRandom random = new(7);
        for (ulong trial = 0; trial < 120; trial++)
        {
            int[] shape = [.. Enumerable.Range(0, 2 + random.Next(4)).Select(_ => 1 + random.Next(8))];
            double tolerance = Math.Pow(10, -12 * random.NextDouble());
            using Tensor tensor = trial % 2 == 0 ? TestTensors.Smooth(trial, trial % 4 == 0 ? 0 : 1e-5, shape) : TestTensors.Gaussian(trial, shape);
            using Decomposition train = s_method.Decompose(tensor, new DecompositionOptions { Tolerance = tolerance });
            using Tensor dense = train.ToDense();
            double error = TestTensors.Distance(tensor, dense);
            Assert.True(error <= tolerance, $"{error} of {tolerance} for {string.Join('x', shape)}");
            Assert.InRange(train.RelativeError, error - (1e-6 * error) - 1e-13, error + (1e-6 * error) + 1e-13);
        }
    }

    [Fact]
    public void A_product_entry_by_entry_has_the_products_of_entries_and_of_ranks()
    {
        using TensorTrain x = Planted(3, 4, 5, 6, 3), y = Planted(2, 4, 5, 6, 3), product = x.Multiply(y);
        Assert.Equal([6, 6, 6], product.Ranks);
        using Tensor a = x.ToDense(), b = y.ToDense(), found = product.ToDense();
        double largest = 0;
        foreach (double value in found.Values)
            largest = Math.Max(largest, Math.Abs(value));
        for (int i = 0; i < a.Length; i++)
            Assert.Equal(a.Values[i] * b.Values[i], found.Values[i], 1e-13 * largest);
        // The sum of all entries of X Y is their inner product, and X has the square's root of its own product with itself as length.
        using TensorTrain ones = new([.. x.Shape.Select(n => Ones(n))]);
        Assert.Equal(x.Dot(y), product.Dot(ones), 1e-10 * Math.Sqrt(a.SquaredNorm() * b.SquaredNorm()));
        using TensorTrain other = Planted(2, 4, 5, 3);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => x.Multiply(other)).ErrorId);

        static Tensor Ones(int size)
        {
            Tensor core = new(1, size, 1);
            core.Values.Fill(1);
            return core;
        }
    }

    [Fact]
    public void A_tolerance_needs_no_more_than_the_ranks_that_the_unfoldings_have()
    {
        // Two separable terms: every unfolding has rank 2.
        using TensorTrain planted = Planted(2, 6, 7, 8, 9);
        using Tensor tensor = planted.ToDense();
        using Decomposition found = s_method.Decompose(tensor, new DecompositionOptions { Tolerance = 1e-10 });
        Assert.Equal([2, 2, 2], found.Ranks);
        Assert.InRange(found.RelativeError, 0, 1e-10);
        Assert.Equal((6 * 2) + (2 * 7 * 2) + (2 * 8 * 2) + (2 * 9), found.ParameterCount);
    }

    [Theory]
    [InlineData(new[] { 3 }, new[] { 3, 3, 3 })]
    [InlineData(new[] { 2, 5, 4 }, new[] { 2, 5, 4 })]
    [InlineData(new[] { 1000 }, new[] { 4, 20, 7 })]
    public void Ranks_are_those_asked_for_or_the_most_that_there_are(int[] asked, int[] expected)
    {
        using Tensor tensor = TestTensors.Gaussian(5, 4, 5, 6, 7);
        using Decomposition train = s_method.Decompose(tensor, new DecompositionOptions { Ranks = asked });
        Assert.Equal(expected, train.Ranks);
        Assert.Equal(s_method.Factors(train.Shape, train.Ranks).Select(f => (f.Name, string.Join('x', f.Shape))), train.Factors.Select(f => (f.Name, string.Join('x', f.Values.Shape))));
        Assert.InRange(Math.Abs(train.ErrorAgainst(tensor) - train.RelativeError), 0, 1e-9);
        Assert.Equal(asked[0] == 1000, train.RelativeError < 1e-13);
    }

    [Fact]
    public void Capped_ranks_lose_at_most_what_the_unfoldings_lose_and_at_least_the_worst_of_them()
    {
        using Tensor tensor = TestTensors.Smooth(3, 0.05, 6, 7, 8);
        using Decomposition train = s_method.Decompose(tensor, new DecompositionOptions { Ranks = [2] });
        double[] tails = [.. Enumerable.Range(1, 2).Select(k =>
        {
            using LeadingSubspace best = LeadingSubspace.Of(tensor.Matricize(k), null, 2, ComputeOptions.Default, default);
            return best.SquaredError / tensor.SquaredNorm();
        })];
        Assert.InRange(train.RelativeError * train.RelativeError, tails.Max() * (1 - 1e-9), tails.Sum() * (1 + 1e-9));
    }

    [Fact]
    public void Sums_are_exact_and_rounding_them_gives_the_ranks_back()
    {
        using TensorTrain x = Planted(2, 5, 6, 7), y = Planted(3, 5, 6, 7), sum = x.Add(y, -0.5), twice = x.Add(x);
        using Tensor a = x.ToDense(), b = y.ToDense(), whole = sum.ToDense();
        for (int i = 0; i < a.Length; i++)
            Assert.Equal(a.Values[i] - (0.5 * b.Values[i]), whole.Values[i], 1e-12);
        Assert.Equal([5, 5], sum.Ranks);
        using TensorTrain rounded = twice.Round(1e-10);
        using Tensor dense = twice.ToDense(), back = rounded.ToDense();
        Assert.Equal(x.Ranks, rounded.Ranks);
        Assert.InRange(TestTensors.Distance(dense, back), 0, 1e-10);
    }

    [Fact]
    public void Rounding_keeps_the_tolerance_and_says_its_error()
    {
        using Tensor tensor = TestTensors.Smooth(4, 0.02, 5, 6, 4, 7);
        using TensorTrain train = (TensorTrain)s_method.Decompose(tensor, new DecompositionOptions { Tolerance = 0 });
        foreach (double tolerance in new[] { 0.3, 0.1, 0.03, 1e-3 })
        {
            using TensorTrain rounded = train.Round(tolerance);
            double error = rounded.ErrorAgainst(tensor);
            Assert.InRange(error, 0, tolerance);
            Assert.InRange(rounded.RelativeError, (error * (1 - 1e-6)) - 1e-13, (error * (1 + 1e-6)) + 1e-13);
        }
        using TensorTrain capped = train.Round(null, 2);
        Assert.Equal(2, capped.Ranks.Max());
    }

    [Fact]
    public void The_inner_product_is_that_of_the_dense_tensors()
    {
        using TensorTrain x = Planted(2, 5, 6, 7), y = Planted(3, 5, 6, 7);
        using Tensor a = x.ToDense(), b = y.ToDense();
        double expected = 0;
        for (int i = 0; i < a.Length; i++)
            expected += a.Values[i] * b.Values[i];
        Assert.Equal(expected, x.Dot(y), Math.Abs(expected) * 1e-12);
        Assert.Equal(a.SquaredNorm(), x.Dot(x), a.SquaredNorm() * 1e-12);
    }

    [Fact]
    public void The_bits_do_not_depend_on_threads()
    {
        using Tensor tensor = TestTensors.Smooth(9, 0.1, 24, 20, 22);
        using Decomposition one = s_method.Decompose(tensor, With(1)), four = s_method.Decompose(tensor, With(4));
        Assert.Equal(one.Factors.SelectMany(f => f.Values.Values.ToArray()), four.Factors.SelectMany(f => f.Values.Values.ToArray()));

        static DecompositionOptions With(int threads) => new() { Tolerance = 0.05, Compute = new ComputeOptions { ThreadCount = threads } };
    }

    [Fact]
    public void A_train_is_restored_from_its_factors_and_not_from_others()
    {
        using Tensor tensor = TestTensors.Gaussian(6, 4, 5, 6);
        using Decomposition train = s_method.Decompose(tensor, new DecompositionOptions { Ranks = [3] });
        using Decomposition restored = s_method.Restore(train.Shape, train.Ranks, [.. train.Factors.Select(f => f.Values.Copy())]);
        using Tensor one = train.ToDense(), other = restored.ToDense();
        Assert.Equal(one.Values.ToArray(), other.Values.ToArray());
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => s_method.Restore(train.Shape, [2, 2], [.. train.Factors.Select(f => f.Values)])).ErrorId);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => s_method.Factors([4, 5, 6], [3])).ErrorId);
    }

    [Fact]
    public void What_cannot_be_done_is_refused()
    {
        using Tensor tensor = TestTensors.Gaussian(6, 4, 5, 6), vector = new(4), empty = new(4, 0);
        Assert.Equal("OptionInvalid", Refused(tensor, new DecompositionOptions()));
        Assert.Equal("OptionInvalid", Refused(tensor, new DecompositionOptions { Tolerance = 1 }));
        Assert.Equal("OptionInvalid", Refused(tensor, new DecompositionOptions { Ranks = [2, 2, 2] }));
        Assert.Equal("OptionInvalid", Refused(tensor, new DecompositionOptions { Ranks = [0] }));
        Assert.Equal("OptionInvalid", Refused(tensor, new DecompositionOptions { Ranks = [2], Modes = [0] }));
        Assert.Equal("ShapesDoNotMatch", Refused(vector, new DecompositionOptions { Ranks = [2] }));
        Assert.Equal("ShapesDoNotMatch", Refused(empty, new DecompositionOptions { Ranks = [2] }));
        tensor.Values[7] = double.NaN;
        Assert.Equal("NonFiniteValues", Refused(tensor, new DecompositionOptions { Ranks = [2] }));
        Assert.Equal("OptionInvalid", Assert.Throws<LowRankToolsException>(() => DecompositionMethods.Find("Fourier")).ErrorId);
    }

    [Fact]
    public void It_stops_when_told_to()
    {
        using Tensor tensor = TestTensors.Gaussian(6, 4, 5, 6);
        Assert.ThrowsAny<OperationCanceledException>(() => s_method.Decompose(tensor, new DecompositionOptions { Ranks = [2] }, null, new CancellationToken(true)));
    }

    private static string Refused(Tensor tensor, DecompositionOptions options) =>
        Assert.Throws<LowRankToolsException>(() => s_method.Decompose(tensor, options)).ErrorId;

    private static TensorTrain Planted(int rank, params int[] shape)
    {
        int[] ranks = [1, .. Enumerable.Repeat(rank, shape.Length - 1), 1];
        return new TensorTrain([.. shape.Select((n, k) => TestTensors.Gaussian((ulong)((rank * 10) + k), ranks[k], n, ranks[k + 1]))]);
    }
}
