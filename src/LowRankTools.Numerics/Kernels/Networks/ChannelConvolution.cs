using System.Numerics;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Kernels.Networks;

/// <summary>
/// Convolutions of every channel by itself. The channels of a pixel lie side by side, so a vector holds one tap of many channels: no patches
/// are laid out, and nothing is a product of its own. The kernel is turned to taps x channels once.
/// </summary>
internal static unsafe class ChannelConvolution
{
    /// <summary>y[place, c] = the sum over taps of w[c, tap] x[pixel, c].</summary>
    public static void Forward<T>(ConvolutionShape shape, MatrixView<T> x, MatrixView<T> kernel, MatrixView<T> y, int threads, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int taps = kernel.Columns;
        using Matrix<T> turned = Turned(kernel);
        MatrixView<T> weights = turned.View;
        RowTasks.Run(y.Rows, y.Columns * taps, threads, (_, first, end) =>
        {
            for (int place = first; place < end; place++)
            {
                T* to = y.Row(place);
                new Span<T>(to, y.Columns).Clear();
                for (int tap = 0; tap < taps; tap++)
                {
                    int pixel = shape.PixelUnder(place, tap);
                    if (pixel >= 0) AddProducts(x.Row(pixel), weights.Row(tap), to, y.Columns);
                }
            }
        }, ct);
    }

    /// <summary>dx of dy. A task is an image, so no two write one pixel.</summary>
    public static void BackwardInput<T>(ConvolutionShape shape, MatrixView<T> kernel, MatrixView<T> dy, MatrixView<T> dx, int threads, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int taps = kernel.Columns, places = shape.OutputHeight * shape.OutputWidth, pixels = shape.Height * shape.Width;
        using Matrix<T> turned = Turned(kernel);
        MatrixView<T> weights = turned.View;
        WorkerPool.Run(dx.Rows / pixels, threads, image =>
        {
            for (int pixel = image * pixels; pixel < (image + 1) * pixels; pixel++) new Span<T>(dx.Row(pixel), dx.Columns).Clear();
            for (int place = image * places; place < (image + 1) * places; place++)
            {
                for (int tap = 0; tap < taps; tap++)
                {
                    int pixel = shape.PixelUnder(place, tap);
                    if (pixel >= 0) AddProducts(dy.Row(place), weights.Row(tap), dx.Row(pixel), dx.Columns);
                }
            }
        }, ct);
    }

    /// <summary>The kernel's gradient grows by dw[c, tap] = the sum over places of dy[place, c] x[pixel, c]. A task is a run of channels, so that the sums do not depend on threads.</summary>
    public static void BackwardKernel<T>(ConvolutionShape shape, MatrixView<T> x, MatrixView<T> dy, MatrixView<T> gradient, int threads, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        const int Run = 64;
        int taps = gradient.Columns;
        using Matrix<T> sums = new(taps, gradient.Rows);
        MatrixView<T> total = sums.View;
        WorkerPool.Run((gradient.Rows + Run - 1) / Run, threads, task =>
        {
            int first = task * Run, count = Math.Min(Run, gradient.Rows - first);
            for (int place = 0; place < dy.Rows; place++)
            {
                for (int tap = 0; tap < taps; tap++)
                {
                    int pixel = shape.PixelUnder(place, tap);
                    if (pixel >= 0) AddProducts(x.Row(pixel) + first, dy.Row(place) + first, total.Row(tap) + first, count);
                }
            }
            for (int c = first; c < first + count; c++)
            {
                for (int tap = 0; tap < taps; tap++) gradient.Row(c)[tap] += total.Row(tap)[c];
            }
        }, ct);
    }

    private static void AddProducts<T>(T* a, T* b, T* to, int count)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int i = 0;
        for (; i <= count - Vector<T>.Count; i += Vector<T>.Count) Vector.Store(Vector.Load(to + i) + (Vector.Load(a + i) * Vector.Load(b + i)), to + i);
        for (; i < count; i++) to[i] += a[i] * b[i];
    }

    private static Matrix<T> Turned<T>(MatrixView<T> kernel)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Matrix<T> turned = Matrix<T>.Uninitialized(kernel.Columns, kernel.Rows);
        for (int c = 0; c < kernel.Rows; c++)
        {
            for (int tap = 0; tap < kernel.Columns; tap++) turned.View.Row(tap)[c] = kernel.Row(c)[tap];
        }
        return turned;
    }
}
