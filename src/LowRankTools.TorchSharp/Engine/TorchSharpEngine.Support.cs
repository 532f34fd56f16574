using System.Runtime.InteropServices;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;
using TorchSharp;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Engine;

/// <content>Checks, conversions and the frame around every call of libtorch.</content>
public sealed partial class TorchSharpEngine
{
    // What is made along the way goes with the scope; only what a TorchTensor owns leaves it.
    private T Run<T>(Func<T> compute)
    {
        // libtorch keeps the number for each thread that calls it, and engines side by side may have other ones.
        if (Info.ThreadCount != get_num_threads()) set_num_threads(Info.ThreadCount);
        return Scoped(compute);
    }

    private void Run(Action compute) => Run(() =>
    {
        compute();
        return 0;
    });

    private static T Scoped<T>(Func<T> compute)
    {
        using DisposeScope scope = NewDisposeScope();
        try
        {
            return compute();
        }
        catch (ExternalException e)
        {
            string message = e.Message.Split('\n')[0];
            if (IsLackOfMemory(message))
                throw new LowRankToolsException("DeviceMemoryExhausted", $"libtorch: {message}", "The embedded engine computes in the machine's own memory; or leave the tensor out.", e);
            throw new LowRankToolsException("EngineFailed", $"libtorch: {message}", "Another device or the embedded engine may do better.", e);
        }
    }

    // libtorch's allocators for devices and for the processor, and the libraries it calls.
    private static bool IsLackOfMemory(string message) => message.Contains("out of memory", StringComparison.OrdinalIgnoreCase)
        || message.Contains("can't allocate memory", StringComparison.Ordinal) || message.Contains("STATUS_ALLOC_FAILED", StringComparison.Ordinal);

    private static ScalarType Type(ElementType type) => type == ElementType.Float32 ? ScalarType.Float32 : ScalarType.Float64;

    private Tensor OnDevice(Tensor host) => _device.type == DeviceType.CPU ? host : host.to(_device);

    private Tensor FromRows<T>(MatrixView<T> matrix)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T> =>
        _device.type == DeviceType.CPU ? HostMemory.FromRows(matrix) : PinnedMemory.FromRows(matrix, _device);

    // For reading, and while its memory is there.
    private Tensor Lent<T>(MatrixView<T> matrix)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T> =>
        (_device.type == DeviceType.CPU ? SharedMemory.Over(matrix) : null) ?? FromRows(matrix);

    private static unsafe void Read<T>(ITensor x, ScalarType type, T* target)
        where T : unmanaged
    {
        Tensor tensor = Mine(x).Open().to(type).contiguous();
        if (tensor.device_type == DeviceType.CPU) HostMemory.Read(tensor, target);
        else PinnedMemory.Read(tensor, target);
    }

    private static TorchTensor Fresh(Tensor x, ScalarType type) => TorchTensor.Own(Copied(x, type));

    // Contiguous and independent, which none of to(), contiguous() and clone() promises alone.
    private static Tensor Copied(Tensor x, ScalarType type)
    {
        Tensor copy = empty(x.shape, type, x.device);
        copy.copy_(x);
        return copy;
    }

    // A factorization's input in one type, checked.
    private static Tensor Finite(ITensor x, ScalarType type)
    {
        RequireMatrix(x);
        Tensor tensor = Mine(x).Open();
        if (x.Length > 0 && !tensor.isfinite().all().item<bool>())
            throw new LowRankToolsException("NonFiniteValues", $"The {Text(x)} tensor holds NaN or infinity.", "Repair or exclude this tensor.");
        return tensor.to(type);
    }

    /// <summary>A float32 copy of somebody else's tensor.</summary>
    internal static ITensor Adopt(Tensor tensor) => Scoped(() => Fresh(tensor.detach(), ScalarType.Float32));

    private static TorchTensor Mine(ITensor x) => x as TorchTensor
        ?? throw new LowRankToolsException("ForeignTensor", "The tensor belongs to another engine.", "Copy it over through a matrix.");

    private static void RequireMatrix(ITensor x)
    {
        if (x.Shape.Count != 2) throw Mismatch($"{Text(x)} is not a matrix.");
    }

    private static void RequireSquare(ITensor x)
    {
        RequireMatrix(x);
        if (x.Shape[0] != x.Shape[1]) throw Mismatch($"{Text(x)} is not square.");
    }

    private static void RequireAlike(ITensor x, ITensor y)
    {
        if (!x.Shape.SequenceEqual(y.Shape)) throw Mismatch($"{Text(x)} and {Text(y)} differ.");
        if (x.ElementType != y.ElementType) throw WrongType();
    }

    private static long[] Sizes(ReadOnlySpan<int> shape)
    {
        long[] sizes = new long[shape.Length];
        for (int i = 0; i < shape.Length; i++)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(shape[i], nameof(shape));
            sizes[i] = shape[i];
        }

        return sizes;
    }

    private static long Product(long[] sizes) => sizes.Aggregate(1L, (product, size) => checked(product * size));

    private static string Text(long[] shape) => $"({string.Join(" x ", shape)})";

    private static string Text(ITensor x) => $"({string.Join(" x ", x.Shape)})";

    private static LowRankToolsException Mismatch(string message) =>
        new("ShapesDoNotMatch", message, "Reshape, transpose or slice first.");

    private static LowRankToolsException WrongType() =>
        new("ElementTypeNotSupported", "The tensors' element types do not go together here.", "Convert with Copy.");
}
