using LowRankTools.Numerics;

namespace LowRankTools.Networks;

/// <summary>A convolution over lines and columns, kernel of outputs x channels x height x width.</summary>
/// <param name="factory">Makes the parameters.</param>
/// <param name="channels">Channels of an input.</param>
/// <param name="outputs">Channels of an output.</param>
/// <param name="kernel">Lines and columns of the kernel.</param>
/// <param name="options">Stride, padding, dilation, groups, bias; null for the defaults.</param>
public sealed class Conv2d(ParameterFactory factory, int channels, int outputs, (int Height, int Width) kernel, ConvolutionOptions? options = null)
    : Convolution(factory, channels, outputs, [kernel.Height, kernel.Width], options?.Groups ?? 1, options?.Bias ?? true)
{
    private readonly ConvolutionOptions _options = options ?? new();

    /// <inheritdoc/>
    protected override string Arguments => $"{Channels}, {Outputs}, kernel_size={kernel}, {_options.Text(pair => pair.ToString())}";

    /// <inheritdoc/>
    public override ConvolutionShape Shape(int height, int width) =>
        new(height, width, kernel.Height, kernel.Width) { Stride = _options.Stride, Padding = _options.Padding, Dilation = _options.Dilation };
}
