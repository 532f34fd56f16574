using LowRankTools.Decompositions.Convolutions;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Tests;

/// <summary>What holds for every way to make a convolution a chain.</summary>
public sealed class ConvolutionChainTests
{
    private static readonly KernelShape[] s_shapes = [new(8, 6, 3, 3), new(5, 7, 1, 3), new(6, 4, 3, 1), new(4, 3, 5, 2), new(6, 6, 2, 2)];

    private static readonly KernelShape[] s_volumes =
        [.. new int[][] { [6, 5, 2, 3, 3], [5, 4, 3, 1, 1], [4, 6, 1, 3, 3], [4, 4, 1, 1, 3], [3, 5, 2, 2, 1] }.Select(s => KernelShape.Of(s))];

    public static TheoryData<string> Names => [.. ConvolutionMethods.All.Select(m => m.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_chain_does_what_its_one_kernel_does(string name)
    {
        ConvolutionMethod method = ConvolutionMethods.Find(name);
        foreach (KernelShape shape in s_shapes)
        {
            using Tensor kernel = TestTensors.Gaussian(3, shape.Sizes);
            IReadOnlyList<int> ranks = method.RanksOf(shape, 3);
            using ConvolutionChain chain = method.Decompose(kernel, ranks, ComputeOptions.Default);
            using Tensor dense = chain.ToDense();
            double[,,] image = Image(shape.Channels, 7, 8), expected = Convolve(image, dense, groups: 1), found = image;
            IReadOnlyList<ConvolutionStage> stages = method.Stages(shape, ranks);
            for (int k = 0; k < stages.Count; k++)
                found = Convolve(found, chain.Kernels[k], stages[k].Groups);
            Assert.Equal(expected.GetLength(1), found.GetLength(1));
            Assert.Equal(expected.GetLength(2), found.GetLength(2));
            double largest = expected.Cast<double>().Max(Math.Abs);
            Assert.All(expected.Cast<double>().Zip(found.Cast<double>()), pair => Assert.True(Math.Abs(pair.First - pair.Second) < 1e-12 * largest * 100));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Lines_and_columns_are_each_one_stage_s(string name)
    {
        ConvolutionMethod method = ConvolutionMethods.Find(name);
        foreach (KernelShape shape in s_shapes)
        {
            IReadOnlyList<ConvolutionStage> stages = method.Stages(shape, method.RanksOf(shape, 2));
            Assert.Equal(shape.Height, Assert.Single(stages, s => s.TakesHeight).Height);
            Assert.Equal(shape.Width, Assert.Single(stages, s => s.TakesWidth).Width);
            Assert.All(stages, s => Assert.True((s.Height == 1 || s.TakesHeight) && (s.Width == 1 || s.TakesWidth)));
            Assert.Equal(shape.Channels, stages[0].Channels);
            Assert.Equal(shape.Outputs, stages[^1].Outputs);
            Assert.All(stages.Zip(stages.Skip(1)), pair => Assert.Equal(pair.First.Outputs, pair.Second.Channels));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_chain_over_a_volume_is_that_of_its_planes_below_one_another(string name)
    {
        ConvolutionMethod method = ConvolutionMethods.Find(name);
        foreach (KernelShape shape in s_volumes)
        {
            KernelShape plane = new(shape.Outputs, shape.Channels, shape.Height, shape.Width);
            Assert.Equal((5, plane.Length), (shape.Sizes.Length, shape.Length));
            using Tensor kernel = TestTensors.Gaussian(6, shape.Sizes), flat = kernel.Copy(plane.Sizes);
            IReadOnlyList<int> ranks = method.RanksOf(shape, 2);
            using ConvolutionChain chain = method.Decompose(kernel, ranks, ComputeOptions.Default), other = method.Decompose(flat, ranks, ComputeOptions.Default);
            Assert.Equal(other.Kernels.Select(k => k.Values.ToArray()), chain.Kernels.Select(k => k.Values.ToArray()));
            // Every stage has all planes and lines, or one; together they give the whole.
            Assert.All(chain.Kernels, k => Assert.True(k.Order == 5 && (k.Shape[2], k.Shape[3]) is var sides && (sides == (shape.Sizes[2], shape.Sizes[3]) || sides == (1, 1))));
            using Tensor dense = chain.ToDense(), expected = other.ToDense();
            Assert.Equal(shape.Sizes, dense.Shape);
            Assert.Equal(expected.Values.ToArray(), dense.Values.ToArray());
        }
    }

    [Theory]
    [InlineData("Svd")]
    [InlineData("Tucker")]
    [InlineData("SpatialSvd")]
    public void The_largest_ranks_lose_nothing(string name)
    {
        ConvolutionMethod method = ConvolutionMethods.Find(name);
        foreach (KernelShape shape in s_shapes.Concat(s_volumes))
        {
            using Tensor kernel = TestTensors.Gaussian(4, shape.Sizes);
            using ConvolutionChain chain = method.Decompose(kernel, method.MostRanks(shape), ComputeOptions.Default);
            Assert.InRange(chain.ErrorAgainst(kernel), 0, 1e-12);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_kernel_that_is_a_chain_is_found_again(string name)
    {
        ConvolutionMethod method = ConvolutionMethods.Find(name);
        KernelShape shape = new(9, 8, 3, 3);
        IReadOnlyList<int> ranks = method.RanksOf(shape, 2);
        IReadOnlyList<ConvolutionStage> stages = method.Stages(shape, ranks);
        using ConvolutionChain planted = new(stages, [.. stages.Select((s, i) => TestTensors.Gaussian((ulong)(10 + i), s.Shape))]);
        using Tensor kernel = planted.ToDense();
        using ConvolutionChain found = method.Decompose(kernel, ranks, ComputeOptions.Default);
        // Sweeps of CP end when they change little; the others are direct.
        Assert.InRange(found.ErrorAgainst(kernel), 0, name == "Cp" ? 1e-2 : 1e-12);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Ranks_within_a_number_of_parameters_are_within_it_and_the_next_are_not(string name)
    {
        ConvolutionMethod method = ConvolutionMethods.Find(name);
        foreach (KernelShape shape in s_shapes)
        {
            foreach (double share in new[] { 0.3, 0.5, 0.9 })
            {
                double parameters = share * shape.Length;
                IReadOnlyList<int> ranks = method.RanksWithin(shape, parameters), most = method.MostRanks(shape);
                if (ranks.All(r => r == 1))
                    continue;
                Assert.True(method.Parameters(shape, ranks) <= parameters);
                for (int i = 0; i < ranks.Count; i++)
                {
                    int[] more = [.. ranks];
                    more[i]++;
                    bool useless = name == "Tucker" && more[i] > more[1 - i] * shape.Height * shape.Width;
                    Assert.True(more[i] > most[i] || useless || method.Parameters(shape, more) > parameters);
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Ranks_for_a_tolerance_keep_it(string name)
    {
        ConvolutionMethod method = ConvolutionMethods.Find(name);
        KernelShape shape = new(12, 10, 3, 3);
        IReadOnlyList<int> planted = method.RanksOf(shape, 2);
        IReadOnlyList<ConvolutionStage> stages = method.Stages(shape, planted);
        using ConvolutionChain chain = new(stages, [.. stages.Select((s, i) => TestTensors.Gaussian((ulong)(20 + i), s.Shape))]);
        using Tensor kernel = chain.ToDense();
        IReadOnlyList<int> ranks = Assert.IsAssignableFrom<IReadOnlyList<int>>(method.RanksFor(kernel, 0.05, ComputeOptions.Default));
        using ConvolutionChain found = method.Decompose(kernel, ranks, ComputeOptions.Default);
        Assert.InRange(found.ErrorAgainst(kernel), 0, 0.05);
        Assert.True(method.Parameters(shape, ranks) <= method.Parameters(shape, planted) || name == "Cp");
    }

    [Theory]
    [InlineData("Svd")]
    [InlineData("SpatialSvd")]
    public void Errors_of_all_ranks_are_those_of_the_chains(string name)
    {
        MatrixConvolution method = (MatrixConvolution)ConvolutionMethods.Find(name);
        KernelShape shape = new(7, 5, 3, 2);
        using Tensor kernel = TestTensors.Gaussian(6, shape.Sizes);
        double[] errors = method.Errors(kernel, ComputeOptions.Default);
        for (int rank = 1; rank <= errors.Length; rank++)
        {
            using ConvolutionChain chain = method.Decompose(kernel, [rank], ComputeOptions.Default);
            Assert.Equal(chain.ErrorAgainst(kernel), errors[rank - 1], 1e-10);
        }
    }

    [Fact]
    public void Ranks_beyond_what_a_kernel_has_are_filled_with_zeros()
    {
        ConvolutionMethod tucker = ConvolutionMethods.Find("Tucker");
        KernelShape shape = new(32, 4, 3, 3);
        using Tensor kernel = TestTensors.Gaussian(9, shape.Sizes);
        foreach (int[] ranks in new[] { new[] { 12, 1 }, [1, 3], [20, 2], [31, 3] })
        {
            using ConvolutionChain chain = tucker.Decompose(kernel, ranks, ComputeOptions.Default);
            Assert.InRange(chain.ErrorAgainst(kernel), 0, 0.9999);
        }
        for (double share = 0.05; share < 1; share += 0.05)
        {
            IReadOnlyList<int> ranks = tucker.RanksWithin(shape, share * shape.Length);
            Assert.True(ranks[0] <= ranks[1] * 9 && ranks[1] <= ranks[0] * 9);
        }
    }

    [Fact]
    public void A_kernel_of_zeros_becomes_zeros()
    {
        KernelShape shape = new(4, 3, 3, 3);
        using Tensor kernel = new(shape.Sizes);
        foreach (ConvolutionMethod method in ConvolutionMethods.All)
        {
            using ConvolutionChain chain = method.Decompose(kernel, method.RanksOf(shape, 2), ComputeOptions.Default);
            Assert.All(chain.Kernels, k => Assert.True(double.IsFinite(k.SquaredNorm())));
            Assert.Equal(0, chain.ErrorAgainst(kernel));
        }
    }

    [Fact]
    public void Ranks_that_no_chain_has_are_refused()
    {
        KernelShape shape = new(4, 3, 3, 3);
        foreach (ConvolutionMethod method in ConvolutionMethods.All)
        {
            IReadOnlyList<int> most = method.MostRanks(shape);
            Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => method.Stages(shape, [.. most.Select(m => m + 1)])).ErrorId);
            Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => method.Stages(shape, [.. most, 1])).ErrorId);
        }
    }

    private static double[,,] Image(int channels, int height, int width)
    {
        double[,,] image = new double[channels, height, width];
        Random random = new(5);
        for (int c = 0; c < channels; c++)
        {
            for (int y = 0; y < height; y++)
            {
                for (int x = 0; x < width; x++)
                    image[c, y, x] = random.NextDouble() - 0.5;
            }
        }
        return image;
    }

    // The definition, without padding and with stride 1.
    private static double[,,] Convolve(double[,,] image, Tensor kernel, int groups)
    {
        (int outputs, int channels, int tall, int wide) = (kernel.Shape[0], kernel.Shape[1], kernel.Shape[2], kernel.Shape[3]);
        int height = image.GetLength(1) - tall + 1, width = image.GetLength(2) - wide + 1;
        double[,,] result = new double[outputs, height, width];
        for (int o = 0; o < outputs; o++)
        {
            int first = o / (outputs / groups) * channels;
            for (int y = 0; y < height; y++)
            {
                for (int x = 0; x < width; x++)
                {
                    for (int c = 0; c < channels; c++)
                    {
                        for (int v = 0; v < tall; v++)
                        {
                            for (int h = 0; h < wide; h++)
                                result[o, y, x] += kernel.Values[(((((o * channels) + c) * tall) + v) * wide) + h] * image[first + c, y + v, x + h];
                        }
                    }
                }
            }
        }
        return result;
    }
}
