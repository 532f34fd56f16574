using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Numerics.Tests;

// The primitives that convolutions are made of.
public abstract partial class NetworkConformance
{
    [Fact]
    public void Fold_is_the_transpose_of_unfold()
    {
        var shape = new ConvolutionShape(6, 5, 3, 2) { Stride = (2, 1), Padding = (1, 1), Dilation = (1, 2) };
        int places = shape.OutputHeight * shape.OutputWidth;
        Assert.Equal((3, 5), (shape.OutputHeight, shape.OutputWidth));
        using ITensor x = Engine.Random(1, 2 * 30, 3), u = Engine.Create(ElementType.Float32, 2 * places, 18), p = Engine.Random(2, 2 * places, 18), f = Engine.Create(ElementType.Float32, 60, 3);
        Engine.Unfold(shape, x, u);
        Engine.Fold(shape, p, f);
        double Product(ITensor a, ITensor b) => Engine.ToArray(a).Zip(Engine.ToArray(b), (i, j) => i * j).Sum();
        Assert.Equal(Product(u, p), Product(x, f), 1e-4);

        // Channel 1, kernel line 2, kernel column 0 of the place at line 1, column 2 of the second image: line 3, column 1.
        Assert.Equal(Engine.ToArray(x)[((30 + (3 * 5) + 1) * 3) + 1], Engine.ToArray(u)[((places + 5 + 2) * 18) + 6 + 4]);
    }

    [Theory]
    [InlineData(3, ElementType.Float32)]
    [InlineData(70, ElementType.Float64)]
    public void Channels_are_convolved_as_their_patches_are_multiplied(int channels, ElementType type)
    {
        var shape = new ConvolutionShape(6, 5, 3, 2) { Stride = (2, 1), Padding = (1, 1), Dilation = (1, 2) };
        int places = 2 * shape.OutputHeight * shape.OutputWidth;
        using ITensor x = Entries(1, 60, channels), w = Entries(2, channels, 6), dy = Entries(3, places, channels), u = Engine.Create(type, places, channels * 6);
        using ITensor y = Engine.Create(type, places, channels), dx = Engine.Create(type, 60, channels), dw = Entries(4, channels, 6);
        Engine.Unfold(shape, x, u);
        double[] patches = Engine.ToArray(u), kernel = Engine.ToArray(w), before = Engine.ToArray(dw), gradient = Engine.ToArray(dy);
        Engine.ConvolveChannels(shape, x, w, y);
        Engine.ConvolveChannelsBackward(shape, x, w, dy, dx, dw);
        double[] sums = new double[places * channels], kernelSums = [.. before];
        for (int i = 0; i < patches.Length; i++)
        {
            (int place, int rest) = Math.DivRem(i, channels * 6);
            sums[(place * channels) + (rest / 6)] += patches[i] * kernel[rest];
            kernelSums[rest] += patches[i] * gradient[(place * channels) + (rest / 6)];
        }

        double Product(ITensor a, ITensor b) => Engine.ToArray(a).Zip(Engine.ToArray(b), (i, j) => i * j).Sum();
        Assert.All(Engine.ToArray(y).Zip(sums), pair => Assert.Equal(pair.Second, pair.First, 1e-4));
        Assert.All(Engine.ToArray(dw).Zip(kernelSums), pair => Assert.Equal(pair.Second, pair.First, 1e-3));
        Assert.Equal(Product(y, dy), Product(x, dx), 1e-2);

        ITensor Entries(ulong seed, int rows, int columns)
        {
            using ITensor single = Engine.Random(seed, rows, columns);
            return Engine.Copy(single, type);
        }
    }
}
