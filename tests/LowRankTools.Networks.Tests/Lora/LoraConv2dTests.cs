using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Lora;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;
using static LowRankTools.Networks.Tests.LoraTestNetworks;

namespace LowRankTools.Networks.Tests;

/// <summary>LoRA on convolutions.</summary>
public sealed class LoraConv2dTests
{
    [Theory]
    [InlineData(1, 1, 0, Activation.None)]
    [InlineData(2, 2, 1, Activation.Tanh)]
    public void Gradients(int groups, int stride, int padding, Activation activation)
    {
        using var layer = new LoraConv2d(GradientCheck.Factory(), 4, 6, 3, new LoraOptions(2) { Alpha = 3 }, Options(groups, stride, padding));
        Randomize(layer);
        layer.Weight.Trainable = true;
        ConvolutionShape shape = layer.Shape(5, 4);
        using ITensor x = GradientCheck.Tensor(1, 2 * 5 * 4, 4);
        GradientCheck.Run(layer, [x], (pass, inputs) => layer.Forward(pass, inputs[0], shape, activation), (pass, gradient) => [layer.Backward(pass, gradient)]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void The_kernel_grows_by_the_product_in_its_own_order(int groups)
    {
        using var layer = new LoraConv2d(new ParameterFactory(Engine, 4), 4, 6, 3, new LoraOptions(2) { Alpha = 3 }, Options(groups, 1, 1));
        double[] fresh = Outputs(layer);
        using var plain = (Conv2d)layer.ToDense(Engine);
        Assert.Equal(Outputs(plain), fresh);
        Assert.Equal([6, 12], layer.A.Shape);
        Assert.Equal([6 / groups * 3, 6], layer.B.Shape);
        Randomize(layer);
        double[] a = Values(layer.A), b = Values(layer.B), w = Values(layer.Weight), expected = [.. w];
        for (int i = 0; i < w.Length; i++)
        {
            for (int k = 0; k < 6; k++) expected[i] += 1.5 * b[(i / 12 * 6) + k] * a[(k * 12) + (i % 12)];
        }

        double[] apart = Outputs(layer);
        using var dense = (Conv2d)layer.ToDense(Engine);
        AssertClose(expected, Values(dense.Weight), 1.2e-7);
        layer.Eval(Engine);
        Assert.Equal(apart, Outputs(layer));
        Assert.Equal(apart, Outputs(dense));
        layer.Train();
        Assert.Equal(w, Values(layer.Weight));
    }

    [Fact]
    public void Surgery_finds_convolutions_by_name_and_gives_them_back()
    {
        var conv = new Conv2d(new ParameterFactory(Engine, 4), 4, 6, (3, 3));
        using var model = new ModuleList<Module>(conv, new Linear(new ParameterFactory(Engine, 5), 4, 4));
        Assert.Equal(["1"], model.AddLora(Engine, new LoraOptions(2)));
        Assert.Equal(["0"], model.AddLora(Engine, new LoraOptions(2) { Dropout = 0.1 }, ["0"]));
        Assert.Equal(["0.lora_A", "0.lora_B", "1.lora_A", "1.lora_B"], model.LoraStateDict().Select(p => p.Name));
        Assert.Equal("NoPeftLayout", Assert.Throws<LowRankToolsException>(() => model.LoraStateDict(keys: LoraKeys.Peft)).ErrorId);
        Assert.Equal(["0", "1"], model.MergeLora(Engine));
        Assert.IsType<Conv2d>(model.Children[0].Child);
        using var oblong = new ModuleList<Module>(new Conv2d(ParameterFactory.ShapesOnly, 4, 6, (3, 2)));
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => oblong.AddLora(Engine, new LoraOptions(2), ["0"])).ErrorId);
    }

    private static ConvolutionOptions Options(int groups, int stride, int padding) => new() { Groups = groups, Stride = (stride, stride), Padding = (padding, padding) };

    private static double[] Outputs(Convolution layer)
    {
        using Pass pass = Pass.Inference(Engine);
        using ITensor x = Engine.Random(3, 2 * 5 * 4, 4), y = layer.Forward(pass, x, layer.Shape(5, 4));
        return Engine.ToArray(y);
    }
}
