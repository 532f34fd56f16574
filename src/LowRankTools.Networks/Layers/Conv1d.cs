using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Layers;

/// <summary>A convolution over a signal, kernel of outputs x channels x length. Of the options' pairs only the width counts.</summary>
public sealed class Conv1d : Convolution
{
    private readonly int _kernel;

    /// <summary>Creates a convolution with a fresh kernel.</summary>
    /// <param name="factory">Makes the parameters.</param>
    /// <param name="channels">Channels of an input.</param>
    /// <param name="outputs">Channels of an output.</param>
    /// <param name="kernel">Length of the kernel.</param>
    /// <param name="options">Stride, padding, dilation, groups, bias; null for the defaults.</param>
    public Conv1d(ParameterFactory factory, int channels, int outputs, int kernel, ConvolutionOptions? options = null)
        : base(factory, channels, outputs, [kernel], options?.Groups ?? 1, options?.Bias ?? true) =>
        (_kernel, Options) = (kernel, Line(options ?? new()));

    /// <summary>Creates one of parameters that are there already.</summary>
    internal Conv1d(Parameter weight, Parameter? bias, ConvolutionOptions options)
        : base(weight, bias, options.Groups) =>
        (_kernel, Options) = (weight.Shape[2], Line(options));

    /// <summary>Stride, padding and the rest.</summary>
    internal ConvolutionOptions Options { get; }

    /// <inheritdoc/>
    protected override string Arguments => $"{Channels}, {Outputs}, kernel_size=({_kernel},), {Options.Text(pair => $"({pair.Width},)")}";

    /// <inheritdoc/>
    public override ConvolutionShape Shape(int height, int width) =>
        new(1, height * width, 1, _kernel) { Stride = Options.Stride, Padding = Options.Padding, Dilation = Options.Dilation };

    /// <summary>How the kernel walks over a signal.</summary>
    /// <param name="length">Length of the signal.</param>
    public ConvolutionShape Shape(int length) => Shape(1, length);

    private static ConvolutionOptions Line(ConvolutionOptions options) =>
        options with { Stride = (1, options.Stride.Width), Padding = (0, options.Padding.Width), Dilation = (1, options.Dilation.Width) };
}
