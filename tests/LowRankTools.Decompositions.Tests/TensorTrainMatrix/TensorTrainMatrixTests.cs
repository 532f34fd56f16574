using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Decompositions.TensorTrainMatrices;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.RandomNumbers;

namespace LowRankTools.Decompositions.Tests;

public sealed class TensorTrainMatrixTests
{
    private static readonly DecompositionMethod s_method = DecompositionMethods.Find("TensorTrainMatrix");

    [Theory]
    [InlineData(1024, 4, new[] { 4, 8, 8, 4 })]
    [InlineData(768, 4, new[] { 4, 6, 8, 4 })]
    [InlineData(7, 2, new[] { 1, 7 })]
    [InlineData(1, 3, new[] { 1, 1, 1 })]
    [InlineData(30522, 3, new[] { 2, 5087, 3 })]
    public void A_size_is_split_into_even_factors_small_ones_at_the_ends(int size, int parts, int[] expected)
    {
        int[] split = ModeSplit.Of(size, parts);
        Assert.Equal(size, split.Aggregate(1, (p, n) => p * n));
        Assert.Equal(expected.Order(), split.Order());
        Assert.Equal(expected, split);
    }

    [Fact]
    public void The_error_never_exceeds_the_tolerance_whatever_shape_and_values()
    {
        DeterministicRandom random = new(19);
        for (ulong trial = 0; trial < 40; trial++)
        {
            int[] shape = [1 + random.Next(70), 1 + random.Next(70)];
            double tolerance = Math.Pow(10, -9 * random.NextDouble());
            using Tensor matrix = trial % 2 == 0 ? TestTensors.Smooth(trial, 1e-4, shape) : TestTensors.Gaussian(trial, shape);
            using Decomposition train = s_method.Decompose(matrix, new DecompositionOptions { Tolerance = tolerance });
            using Tensor dense = train.ToDense();
            double error = TestTensors.Distance(matrix, dense);
            Assert.True(error <= tolerance, $"{error} of {tolerance} for {string.Join('x', shape)}");
            Assert.InRange(train.RelativeError, error - (1e-6 * error) - 1e-13, error + (1e-6 * error) + 1e-13);
            Assert.Equal(s_method.Factors(shape, train.Ranks).Select(f => (f.Name, string.Join('x', f.Shape))), train.Factors.Select(f => (f.Name, string.Join('x', f.Values.Shape))));
        }
    }

    [Fact]
    public void A_Kronecker_product_has_rank_one()
    {
        using Matrix<double> a = TestTensors.GaussianMatrix(1, 4, 5), b = TestTensors.GaussianMatrix(2, 6, 7);
        using Tensor product = new(24, 35);
        foreach (int[] i in TestTensors.Indices(4, 6, 5, 7))
            product.Values[(((i[0] * 6) + i[1]) * 35) + (i[2] * 7) + i[3]] = a[i[0], i[2]] * b[i[1], i[3]];
        using Decomposition train = s_method.Decompose(product, new DecompositionOptions { Tolerance = 1e-10 });
        Assert.Equal([1], train.Ranks);
        Assert.Equal((4 * 5) + (6 * 7), train.ParameterCount);
    }

    [Theory]
    [InlineData(24, 30, 7)]
    [InlineData(300, 256, 3)]
    [InlineData(13, 20, 1)]
    public void It_multiplies_as_the_dense_matrix_does(int rows, int columns, int count)
    {
        using Tensor matrix = TestTensors.Gaussian(4, rows, columns);
        using TensorTrainMatrix train = (TensorTrainMatrix)s_method.Decompose(matrix, new DecompositionOptions { Ranks = [5] });
        using Tensor dense = train.ToDense();
        using Matrix<double> x = TestTensors.GaussianMatrix(5, columns, count), expected = new(rows, count), product = train.Multiply(x.View);
        Gemm.Multiply(1, dense.Matricize(1), x.View, 0, expected.View);
        Assert.Equal((rows, count), (product.Rows, product.Columns));
        Assert.All(expected.ToArray().Zip(product.ToArray()), pair => Assert.Equal(pair.First, pair.Second, 1e-9));
    }

    [Fact]
    public void Several_ranks_say_how_many_digits_there_are()
    {
        using Tensor matrix = TestTensors.Gaussian(4, 64, 64);
        using Decomposition two = s_method.Decompose(matrix, new DecompositionOptions { Ranks = [3, 4] }), one = s_method.Decompose(matrix, new DecompositionOptions { Ranks = [3] });
        Assert.Equal([3, 4], two.Ranks);
        Assert.Equal([3, 3], one.Ranks);
        using Decomposition restored = s_method.Restore(two.Shape, two.Ranks, [.. two.Factors.Select(f => f.Values.Copy())]);
        Assert.Equal(two.RelativeError, restored.ErrorAgainst(matrix), 1e-9);
    }

    [Fact]
    public void Tensors_of_other_than_two_modes_are_refused()
    {
        using Tensor tensor = TestTensors.Gaussian(4, 4, 5, 6);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => s_method.Decompose(tensor, new DecompositionOptions { Ranks = [2] })).ErrorId);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => s_method.Factors([4, 5, 6], [2])).ErrorId);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => s_method.Factors([4, 5], [])).ErrorId);
    }
}
