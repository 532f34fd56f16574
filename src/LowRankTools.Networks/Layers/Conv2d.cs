using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Layers;

/// <summary>A convolution over lines and columns, kernel of outputs x channels x height x width.</summary>
public sealed class Conv2d : Convolution
{
    private readonly (int Height, int Width) _kernel;

    /// <summary>Creates a convolution with a fresh kernel.</summary>
    /// <param name="factory">Makes the parameters.</param>
    /// <param name="channels">Channels of an input.</param>
    /// <param name="outputs">Channels of an output.</param>
    /// <param name="kernel">Lines and columns of the kernel.</param>
    /// <param name="options">Stride, padding, dilation, groups, bias; null for the defaults.</param>
    public Conv2d(ParameterFactory factory, int channels, int outputs, (int Height, int Width) kernel, ConvolutionOptions? options = null)
        : base(factory, channels, outputs, [kernel.Height, kernel.Width], options?.Groups ?? 1, options?.Bias ?? true) =>
        (_kernel, Options) = (kernel, options ?? new());

    /// <summary>Creates one of parameters that are there already.</summary>
    internal Conv2d(Parameter weight, Parameter? bias, ConvolutionOptions options)
        : base(weight, bias, options.Groups) =>
        (_kernel, Options) = ((weight.Shape[2], weight.Shape[3]), options);

    /// <summary>Stride, padding and the rest.</summary>
    internal ConvolutionOptions Options { get; }

    /// <inheritdoc/>
    protected override string Arguments => $"{Channels}, {Outputs}, kernel_size={_kernel}, {Options.Text(pair => pair.ToString())}";

    /// <inheritdoc/>
    public override ConvolutionShape Shape(int height, int width) =>
        new(height, width, _kernel.Height, _kernel.Width) { Stride = Options.Stride, Padding = Options.Padding, Dilation = Options.Dilation };
}
