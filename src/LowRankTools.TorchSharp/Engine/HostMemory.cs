using LowRankTools.Numerics.Matrices;
using TorchSharp;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Engine;

/// <summary>Moves entries between this process' memory and contiguous libtorch tensors in it, a span's length at a time.</summary>
internal static unsafe class HostMemory
{
    private const int MostElements = 1 << 26;

    /// <summary>A contiguous copy of a matrix with contiguous rows, on the processor.</summary>
    public static Tensor FromRows<T>(MatrixView<T> view)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        Tensor tensor = empty([view.Rows, view.Columns], TypeOf<T>(), CPU);
        if (view.IsEmpty) return tensor;
        bool contiguous = view.RowStride == view.Columns;
        int rows = contiguous ? 1 : view.Rows;
        long length = contiguous ? view.Length : view.Columns;
        for (int i = 0; i < rows; i++)
        {
            T* row = view.Pointer + (i * view.RowStride);
            Each(tensor, i * length, length, (span, done) => new ReadOnlySpan<byte>(row + done, span.Length).CopyTo(span));
        }

        return tensor;
    }

    /// <summary>The type of tensors with such entries.</summary>
    public static ScalarType TypeOf<T>() => typeof(T) == typeof(float) ? ScalarType.Float32 : ScalarType.Float64;

    /// <summary>Copies all entries of a contiguous tensor on the processor.</summary>
    public static void Read<T>(Tensor tensor, T* target)
        where T : unmanaged =>
        Each(tensor, 0, tensor.numel(), (span, done) => span.CopyTo(new Span<byte>(target + done, span.Length)));

    /// <summary>Hands out the bytes of entries first to first + length - 1, and how many entries of them went before.</summary>
    public static void Each(Tensor tensor, long first, long length, Piece use)
    {
        for (long done = 0; done < length; done += MostElements)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor piece = tensor.reshape(-1).narrow(0, first + done, Math.Min(MostElements, length - done));
            use(piece.bytes, done);
        }
    }

    /// <summary>Takes bytes of a tensor.</summary>
    internal delegate void Piece(Span<byte> bytes, long done);
}
