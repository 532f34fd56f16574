using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.TensorRings;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.RandomNumbers;

namespace LowRankTools.Decompositions.Tests;

public sealed class TensorRingTests
{
    private static readonly DecompositionMethod s_method = DecompositionMethods.Find("TensorRing");

    [Fact]
    public void The_error_never_exceeds_the_tolerance_whatever_shape_and_values()
    {
        DeterministicRandom random = new(23);
        for (ulong trial = 0; trial < 60; trial++)
        {
            int[] shape = [.. Enumerable.Range(0, 2 + random.Next(4)).Select(_ => 1 + random.Next(7))];
            double tolerance = Math.Pow(10, -9 * random.NextDouble());
            using Tensor tensor = trial % 2 == 0 ? TestTensors.Smooth(trial, 1e-4, shape) : TestTensors.Gaussian(trial, shape);
            using Decomposition ring = s_method.Decompose(tensor, new DecompositionOptions { Tolerance = tolerance });
            using Tensor dense = ring.ToDense();
            double error = TestTensors.Distance(tensor, dense);
            Assert.True(error <= tolerance, $"{error} of {tolerance} for {string.Join('x', shape)}");
            Assert.Equal(error, ring.RelativeError, 1e-13);
            Assert.Equal(s_method.Factors(shape, ring.Ranks).Select(f => (f.Name, string.Join('x', f.Shape))), ring.Factors.Select(f => (f.Name, string.Join('x', f.Values.Shape))));
        }
    }

    [Fact]
    public void An_entry_is_the_trace_of_the_product_of_its_matrices()
    {
        using Tensor tensor = TestTensors.Gaussian(3, 6, 5, 4, 3);
        using TensorRing ring = (TensorRing)s_method.Decompose(tensor, new DecompositionOptions { Ranks = [2] });
        using Tensor dense = ring.ToDense();
        Assert.Equal([2, 2, 2, 2], ring.Ranks);
        foreach (int[] index in TestTensors.Indices(6, 5, 4, 3))
        {
            double[,] product = { { 1, 0 }, { 0, 1 } };
            for (int k = 0; k < 4; k++)
            {
                double[,] next = new double[2, 2];
                for (int a = 0; a < 2; a++)
                {
                    for (int b = 0; b < 2; b++)
                        next[a, b] = Enumerable.Range(0, 2).Sum(c => product[a, c] * TestTensors.At(ring.Cores[k], c, index[k], b));
                }
                product = next;
            }
            Assert.Equal(product[0, 0] + product[1, 1], TestTensors.At(dense, index), 1e-12);
        }
    }

    [Theory]
    [InlineData(12, 3, 10, 3, 4)]
    [InlineData(7, 2, 3, 2, 3)]
    [InlineData(5, 9, 9, 1, 5)]
    [InlineData(1, 4, 4, 1, 1)]
    public void A_rank_is_split_into_the_largest_product_that_fits(int product, int mostFirst, int mostSecond, int first, int second) =>
        Assert.Equal((first, second), RingSplit.Largest(product, mostFirst, mostSecond));

    [Fact]
    public void Ranks_cap_a_tolerance()
    {
        using Tensor tensor = TestTensors.Gaussian(3, 9, 8, 7);
        using Decomposition ring = s_method.Decompose(tensor, new DecompositionOptions { Ranks = [2, 3, 4], Tolerance = 0.01 });
        Assert.All(ring.Ranks.Zip([2, 3, 4]), pair => Assert.InRange(pair.First, 1, pair.Second));
        using Decomposition restored = s_method.Restore(ring.Shape, ring.Ranks, [.. ring.Factors.Select(f => f.Values.Copy())]);
        Assert.Equal(ring.RelativeError, restored.ErrorAgainst(tensor), 1e-14);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => s_method.Factors([9, 8, 7], [2, 3])).ErrorId);
    }
}
