using LowRankTools.Numerics;

namespace LowRankTools.Networks;

/// <summary>A convolution over a signal, kernel of outputs x channels x length. Of the options' pairs only the width counts.</summary>
/// <param name="factory">Makes the parameters.</param>
/// <param name="channels">Channels of an input.</param>
/// <param name="outputs">Channels of an output.</param>
/// <param name="kernel">Length of the kernel.</param>
/// <param name="options">Stride, padding, dilation, groups, bias; null for the defaults.</param>
public sealed class Conv1d(ParameterFactory factory, int channels, int outputs, int kernel, ConvolutionOptions? options = null)
    : Convolution(factory, channels, outputs, [kernel], options?.Groups ?? 1, options?.Bias ?? true)
{
    private readonly ConvolutionOptions _options = (options ?? new()) with
    {
        Stride = (1, options?.Stride.Width ?? 1),
        Padding = (0, options?.Padding.Width ?? 0),
        Dilation = (1, options?.Dilation.Width ?? 1),
    };

    /// <inheritdoc/>
    protected override string Arguments => $"{Channels}, {Outputs}, kernel_size=({kernel},), {_options.Text(pair => $"({pair.Width},)")}";

    /// <inheritdoc/>
    public override ConvolutionShape Shape(int height, int width) =>
        new(1, height * width, 1, kernel) { Stride = _options.Stride, Padding = _options.Padding, Dilation = _options.Dilation };

    /// <summary>How the kernel walks over a signal.</summary>
    /// <param name="length">Length of the signal.</param>
    public ConvolutionShape Shape(int length) => Shape(1, length);
}
