using System.Numerics;

namespace LowRankTools.Numerics;

/// <summary>The pixels under each place of a kernel as one row, and back: a convolution is then a product.</summary>
internal static unsafe class Patches
{
    /// <summary>patches[place] = the pixels under the kernel, in the order channel, line, column of a PyTorch kernel; zeros outside.</summary>
    public static void Unfold<T>(ConvolutionShape shape, MatrixView<T> x, MatrixView<T> patches, int threads, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int taps = shape.KernelHeight * shape.KernelWidth;
        RowTasks.Run(patches.Rows, patches.Columns, threads, (_, first, end) =>
        {
            for (int place = first; place < end; place++)
            {
                T* target = patches.Row(place);
                for (int tap = 0; tap < taps; tap++)
                {
                    int pixel = Pixel(shape, place, tap);
                    T* from = pixel < 0 ? null : x.Row(pixel);
                    for (int c = 0; c < x.Columns; c++) target[(c * taps) + tap] = from is null ? T.Zero : from[c];
                }
            }
        }, ct);
    }

    /// <summary>x = the sum of what lies over each pixel in the patches, the transpose of <see cref="Unfold"/>. A task is an image.</summary>
    public static void Fold<T>(ConvolutionShape shape, MatrixView<T> patches, MatrixView<T> x, int threads, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int taps = shape.KernelHeight * shape.KernelWidth, places = shape.OutputHeight * shape.OutputWidth, pixels = shape.Height * shape.Width;
        for (int i = 0; i < x.Rows; i++) new Span<T>(x.Row(i), x.Columns).Clear();
        if (places == 0 || pixels == 0) return;
        WorkerPool.Run(x.Rows / pixels, threads, image =>
        {
            for (int place = image * places; place < (image + 1) * places; place++)
            {
                T* from = patches.Row(place);
                for (int tap = 0; tap < taps; tap++)
                {
                    int pixel = Pixel(shape, place, tap);
                    if (pixel < 0) continue;
                    T* target = x.Row(pixel);
                    for (int c = 0; c < x.Columns; c++) target[c] += from[(c * taps) + tap];
                }
            }
        }, ct);
    }

    // Row of the pixel under one entry of the kernel, or -1 outside the image.
    private static int Pixel(ConvolutionShape shape, int place, int tap)
    {
        (int image, int inside) = Math.DivRem(place, shape.OutputHeight * shape.OutputWidth);
        (int outLine, int outColumn) = Math.DivRem(inside, shape.OutputWidth);
        (int tapLine, int tapColumn) = Math.DivRem(tap, shape.KernelWidth);
        int line = (outLine * shape.Stride.Height) - shape.Padding.Height + (tapLine * shape.Dilation.Height);
        int column = (outColumn * shape.Stride.Width) - shape.Padding.Width + (tapColumn * shape.Dilation.Width);
        return (uint)line < (uint)shape.Height && (uint)column < (uint)shape.Width ? (((image * shape.Height) + line) * shape.Width) + column : -1;
    }
}
