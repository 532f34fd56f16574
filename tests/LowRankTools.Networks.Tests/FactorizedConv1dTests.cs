using LowRankTools.Decompositions.Convolutions;
using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;
using static LowRankTools.Networks.Tests.GradientCheck;

namespace LowRankTools.Networks.Tests;

public sealed class FactorizedConv1dTests
{
    private const int Length = 13;

    private static readonly KernelShape s_kernel = KernelShape.Of([6, 4, 5]);

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
    public void The_chain_answers_as_its_one_convolution_does_and_its_gradients_are_those_of_differences(string name, int stride)
    {
        ConvolutionMethod method = ConvolutionMethods.Find(name);
        using FactorizedConv1d chain = new(Factory(), method, s_kernel, method.RanksOf(s_kernel, 3), Options(stride));
        using Conv1d dense = chain.ToDense(Engine);
        using ITensor x = Tensor(2, 2 * Length, s_kernel.Channels);
        using (Pass pass = Pass.Inference(Engine))
        {
            double[] expected = Engine.ToArray(dense.Forward(pass, x, dense.Shape(Length), Activation.Tanh));
            double[] found = Engine.ToArray(chain.Forward(pass, x, chain.Shape(1, Length), Activation.Tanh));
            Assert.Equal(expected.Length, found.Length);
            Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First, pair.Second, 1e-12));
        }

        Run(chain, [x], (pass, inputs) => chain.Forward(pass, inputs[0], chain.Shape(1, Length), Activation.Tanh), (pass, gradient) => [chain.Backward(pass, gradient)]);
    }

    [Theory]
    [InlineData("Svd")]
    [InlineData("Tucker")]
    [InlineData("SpatialSvd")]
    public void At_full_rank_a_convolution_s_chain_is_the_convolution(string name)
    {
        ConvolutionMethod method = ConvolutionMethods.Find(name);
        using Conv1d dense = new(Factory(), s_kernel.Channels, s_kernel.Outputs, s_kernel.Width, Options(2));
        using FactorizedConv1d chain = FactorizedConv1d.FromDense(Engine, dense, method, method.MostRanks(s_kernel));
        using ITensor x = Tensor(2, Length, s_kernel.Channels);
        using Pass pass = Pass.Inference(Engine);
        double[] expected = Engine.ToArray(dense.Forward(pass, x, dense.Shape(Length))), found = Engine.ToArray(chain.Forward(pass, x, chain.Shape(1, Length)));
        Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First, pair.Second, 1e-12));
        Assert.All(chain.Stages, stage => Assert.Equal(3, stage.Weight.Shape.Count));
        Assert.Same(dense.Bias, chain.Stages[^1].Bias);
    }

    [Fact]
    public void A_kernel_of_the_other_kind_is_refused()
    {
        ConvolutionMethod cp = ConvolutionMethods.Find("Cp");
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => new FactorizedConv1d(ParameterFactory.ShapesOnly, cp, new KernelShape(6, 4, 1, 5), [3])).ErrorId);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => new FactorizedConv2d(ParameterFactory.ShapesOnly, cp, s_kernel, [3])).ErrorId);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => KernelShape.Of([6, 4])).ErrorId);
    }

    private static ConvolutionOptions Options(int stride) => new() { Stride = (1, stride), Padding = (0, stride), Dilation = (1, stride) };
}
