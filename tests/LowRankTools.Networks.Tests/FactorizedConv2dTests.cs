using LowRankTools.Decompositions.Convolutions;
using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;
using static LowRankTools.Networks.Tests.GradientCheck;

namespace LowRankTools.Networks.Tests;

public sealed class FactorizedConv2dTests
{
    private const int Height = 6, Width = 5;

    private static readonly KernelShape s_kernel = new(6, 4, 3, 2);

    public static TheoryData<string, int> Cases
    {
        get
        {
            TheoryData<string, int> cases = [];
            foreach (ConvolutionMethod method in ConvolutionMethods.All)
            {
                cases.Add(method.Name, 1);
                cases.Add(method.Name, 2);
            }
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_chain_answers_as_its_one_convolution_does(string name, int stride)
    {
        ConvolutionMethod method = ConvolutionMethods.Find(name);
        using FactorizedConv2d chain = new(Factory(), method, s_kernel, method.RanksOf(s_kernel, 3), Options(stride));
        using Conv2d dense = chain.ToDense(Engine);
        using ITensor x = Tensor(2, 2 * Height * Width, s_kernel.Channels);
        using Pass pass = Pass.Inference(Engine);
        double[] expected = Engine.ToArray(dense.Forward(pass, x, dense.Shape(Height, Width), Activation.Tanh));
        double[] found = Engine.ToArray(chain.Forward(pass, x, chain.Shape(Height, Width), Activation.Tanh));
        Assert.Equal(expected.Length, found.Length);
        Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First, pair.Second, 1e-12));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Gradients_are_those_of_differences(string name, int stride)
    {
        ConvolutionMethod method = ConvolutionMethods.Find(name);
        using FactorizedConv2d chain = new(Factory(), method, s_kernel, method.RanksOf(s_kernel, 2), Options(stride));
        using ITensor x = Tensor(1, 2 * Height * Width, s_kernel.Channels);
        Run(chain, [x], (pass, inputs) => chain.Forward(pass, inputs[0], chain.Shape(Height, Width), Activation.Tanh), (pass, gradient) => [chain.Backward(pass, gradient)]);
    }

    [Theory]
    [InlineData("Svd")]
    [InlineData("Tucker")]
    [InlineData("SpatialSvd")]
    public void At_full_rank_a_convolution_s_chain_is_the_convolution(string name)
    {
        ConvolutionMethod method = ConvolutionMethods.Find(name);
        using Conv2d dense = new(Factory(), s_kernel.Channels, s_kernel.Outputs, (s_kernel.Height, s_kernel.Width), Options(1));
        using FactorizedConv2d chain = FactorizedConv2d.FromDense(Engine, dense, method, method.MostRanks(s_kernel));
        using ITensor x = Tensor(2, Height * Width, s_kernel.Channels);
        using Pass pass = Pass.Inference(Engine);
        double[] expected = Engine.ToArray(dense.Forward(pass, x, dense.Shape(Height, Width))), found = Engine.ToArray(chain.Forward(pass, x, chain.Shape(Height, Width)));
        Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First, pair.Second, 1e-12));
        Assert.Same(dense.Bias, chain.Stages[^1].Bias);
    }

    [Fact]
    public void Parameters_have_the_names_that_files_have()
    {
        ConvolutionMethod cp = ConvolutionMethods.Find("Cp");
        using FactorizedConv2d chain = new(ParameterFactory.ShapesOnly, cp, s_kernel, [3], Options(1));
        Assert.Equal(["0.weight", "1.weight", "2.weight", "3.bias", "3.weight"], chain.StateDict().Select(p => p.Name).Order(StringComparer.Ordinal));
        Assert.Equal(cp.Stages(s_kernel, [3]).Select(s => string.Join(',', s.Shape)), chain.Stages.Select(s => string.Join(',', s.Weight.Shape)));
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => new FactorizedConv2d(ParameterFactory.ShapesOnly, cp, s_kernel, [3], new ConvolutionOptions { Groups = 2 })).ErrorId);
    }

    private static ConvolutionOptions Options(int stride) => new() { Stride = (stride, 1), Padding = (1, stride), Dilation = (1, stride) };
}
