using LowRankTools.Decompositions.Convolutions;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Networks.Layers;

/// <summary>A chain of convolutions over lines and columns in place of one.</summary>
public sealed class FactorizedConv2d : FactorizedConvolution
{
    /// <summary>Creates a chain with a fresh start.</summary>
    /// <param name="factory">Makes the parameters.</param>
    /// <param name="method">What chain.</param>
    /// <param name="kernel">Shape of the kernel that it stands for.</param>
    /// <param name="ranks">Ranks of the method.</param>
    /// <param name="options">Stride, padding, dilation and bias of the whole; null for the defaults.</param>
    /// <exception cref="LowRankToolsException">ShapesDoNotMatch: no chain has these ranks, there are groups, or the kernel is not one over lines and columns.</exception>
    public FactorizedConv2d(ParameterFactory factory, ConvolutionMethod method, KernelShape kernel, IReadOnlyList<int> ranks, ConvolutionOptions? options = null)
        : this(method, kernel, ranks, options ?? new(), (stage, own) => new Conv2d(factory, stage.Channels, stage.Outputs, (stage.Height, stage.Width), own))
    {
    }

    private FactorizedConv2d(ConvolutionMethod method, KernelShape kernel, IReadOnlyList<int> ranks, ConvolutionOptions options, Func<ConvolutionStage, ConvolutionOptions, Conv2d> make)
        : base(method, !kernel.IsSignal && !kernel.IsVolume ? kernel : throw new LowRankToolsException("ShapesDoNotMatch", $"A kernel of {kernel} is not one over lines and columns."), ranks, options, make)
    {
    }

    /// <summary>The convolutions, in the order in which they are applied.</summary>
    public IReadOnlyList<Conv2d> Stages => [.. Parts.Cast<Conv2d>()];

    /// <summary>The chain of a convolution whose kernel has entries; the bias is shared with it.</summary>
    /// <param name="engine">Where the parameters live.</param>
    /// <param name="layer">The convolution, in one group.</param>
    /// <param name="method">What chain.</param>
    /// <param name="ranks">Ranks of the method.</param>
    /// <param name="options">Threads and seed; null for the defaults.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <exception cref="LowRankToolsException">ShapesDoNotMatch, ParameterNotLoaded, NonFiniteValues.</exception>
    public static FactorizedConv2d FromDense(INetworkEngine engine, Conv2d layer, ConvolutionMethod method, IReadOnlyList<int> ranks, ComputeOptions? options = null, CancellationToken ct = default)
    {
        Queue<Parameter> kernels = new(Kernels(engine, layer.Weight, method, ranks, options, ct));
        return new FactorizedConv2d(method, KernelShape.Of(layer.Weight.Shape), ranks, layer.Options, (_, own) => new Conv2d(kernels.Dequeue(), own.Bias ? layer.Bias : null, own));
    }

    /// <summary>The one convolution that does the same; it shares the bias.</summary>
    /// <param name="engine">Where its kernel lives.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <exception cref="LowRankToolsException">ParameterNotLoaded.</exception>
    public Conv2d ToDense(INetworkEngine engine, CancellationToken ct = default) => new(DenseKernel(engine, ct), Parts.Last().Bias, Options);
}
