using System.Collections.Concurrent;
using LowRankTools.Numerics.Matrices;
using TorchSharp;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Engine;

/// <summary>
/// Memory of this process that a GPU reads and writes by itself. Through it, matrices travel at the speed of the bus; from ordinary
/// memory the driver first copies them to memory of its own, and a tensor for the whole matrix costs a fault for each of its pages.
/// </summary>
internal static unsafe class PinnedMemory
{
    // Large enough that starting a transfer does not count, small enough that its part of a matrix is still in the cache when it leaves.
    private const int PieceBytes = 8 << 20;

    /// <summary>Makes the first pieces, so that the first transfer need not; they stay as long as the process.</summary>
    public static void Prepare()
    {
        if (Pieces<float>.Free.IsEmpty) Pieces<float>.Free.Add(Pieces<float>.Make());
        if (Pieces<double>.Free.IsEmpty) Pieces<double>.Free.Add(Pieces<double>.Make());
    }

    /// <summary>A contiguous copy of a matrix with contiguous rows, on a GPU.</summary>
    public static Tensor FromRows<T>(MatrixView<T> view, Device device)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        Tensor target = empty([view.Rows, view.Columns], HostMemory.TypeOf<T>(), device);
        if (view.IsEmpty) return target;
        bool contiguous = view.RowStride == view.Columns;
        Each<T>(target, (bytes, first) =>
        {
            for (long done = 0; done < bytes.Length / sizeof(T);)
            {
                (long row, long column) = contiguous ? (0, first + done) : Math.DivRem(first + done, view.Columns);
                int count = (int)Math.Min((bytes.Length / sizeof(T)) - done, contiguous ? view.Length - column : view.Columns - column);
                new ReadOnlySpan<byte>(view.Pointer + (row * view.RowStride) + column, count * sizeof(T)).CopyTo(bytes[((int)done * sizeof(T))..]);
                done += count;
            }
        }, toDevice: true);
        return target;
    }

    /// <summary>Copies all entries of a contiguous tensor on a GPU.</summary>
    public static void Read<T>(Tensor tensor, T* target)
        where T : unmanaged =>
        Each<T>(tensor, (bytes, first) => bytes.CopyTo(new Span<byte>(target + first, bytes.Length)), toDevice: false);

    private static void Each<T>(Tensor tensor, HostMemory.Piece use, bool toDevice)
        where T : unmanaged
    {
        if (!Pieces<T>.Free.TryTake(out Tensor? piece)) piece = Pieces<T>.Make();
        Tensor flat = tensor.view(-1);
        long length = tensor.numel(), step = piece.numel();
        for (long first = 0; first < length; first += step)
        {
            using DisposeScope scope = NewDisposeScope();
            long count = Math.Min(step, length - first);
            Tensor host = piece.narrow(0, 0, count), there = flat.narrow(0, first, count);
            if (!toDevice) host.copy_(there);
            use(host.bytes, first);
            if (toDevice) there.copy_(host);
        }

        // What throws above has spoilt the device; the piece is not put back then.
        Pieces<T>.Free.Add(piece);
    }

    // One piece for each thread that has ever moved something at the same time: pinning takes longer than copying.
    private static class Pieces<T>
        where T : unmanaged
    {
        public static ConcurrentBag<Tensor> Free { get; } = [];

        public static Tensor Make()
        {
            using DisposeScope scope = NewDisposeScope();
            return empty([PieceBytes / sizeof(T)], HostMemory.TypeOf<T>(), CPU).pin_memory().DetachFromDisposeScope();
        }
    }
}
