using System.Numerics;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Kernels.Networks;

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
                    int pixel = shape.PixelUnder(place, tap);
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
                    int pixel = shape.PixelUnder(place, tap);
                    if (pixel < 0) continue;
                    T* target = x.Row(pixel);
                    for (int c = 0; c < x.Columns; c++) target[c] += from[(c * taps) + tap];
                }
            }
        }, ct);
    }
}
