namespace LowRankTools.Numerics.Kernels.Networks;

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

    /// <summary>Row of the pixel under one entry of the kernel, or -1 outside the image.</summary>
    /// <param name="place">Place of the kernel, counted through all images.</param>
    /// <param name="tap">Entry of the kernel, line by line.</param>
    public int PixelUnder(int place, int tap)
    {
        (int image, int inside) = Math.DivRem(place, OutputHeight * OutputWidth);
        (int outLine, int outColumn) = Math.DivRem(inside, OutputWidth);
        (int tapLine, int tapColumn) = Math.DivRem(tap, KernelWidth);
        int line = (outLine * Stride.Height) - Padding.Height + (tapLine * Dilation.Height);
        int column = (outColumn * Stride.Width) - Padding.Width + (tapColumn * Dilation.Width);
        return (uint)line < (uint)Height && (uint)column < (uint)Width ? (((image * Height) + line) * Width) + column : -1;
    }

    private static int Places(int size, int kernel, int stride, int padding, int dilation) =>
        Math.Max(0, ((size + (2 * padding) - (dilation * (kernel - 1)) - 1) / stride) + 1);
}
