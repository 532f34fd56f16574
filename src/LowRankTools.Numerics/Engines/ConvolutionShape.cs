namespace LowRankTools.Numerics;

/// <summary>
/// How a kernel walks over an image. Images are rows of pixels x channels, line by line, one image after another; a signal
/// of one dimension is an image of height 1.
/// </summary>
/// <param name="Height">Lines of an image.</param>
/// <param name="Width">Pixels of a line.</param>
/// <param name="KernelHeight">Lines of the kernel.</param>
/// <param name="KernelWidth">Columns of the kernel.</param>
public sealed record ConvolutionShape(int Height, int Width, int KernelHeight, int KernelWidth)
{
    /// <summary>Lines and columns from one place of the kernel to the next.</summary>
    public (int Height, int Width) Stride { get; init; } = (1, 1);

    /// <summary>Zeros around the image.</summary>
    public (int Height, int Width) Padding { get; init; }

    /// <summary>Distance of the kernel's entries on the image.</summary>
    public (int Height, int Width) Dilation { get; init; } = (1, 1);

    /// <summary>Lines of the output.</summary>
    public int OutputHeight => Places(Height, KernelHeight, Stride.Height, Padding.Height, Dilation.Height);

    /// <summary>Pixels of a line of the output.</summary>
    public int OutputWidth => Places(Width, KernelWidth, Stride.Width, Padding.Width, Dilation.Width);

    private static int Places(int size, int kernel, int stride, int padding, int dilation) =>
        Math.Max(0, ((size + (2 * padding) - (dilation * (kernel - 1)) - 1) / stride) + 1);
}
