using System.Collections.Immutable;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.PyTorch.Pickle;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.PyTorch;

/// <summary>Turns a description from the pickle into a tensor of the file, after checking that its bytes are there.</summary>
/// <param name="file">The opened file.</param>
/// <param name="locate">Where a storage lies.</param>
/// <param name="bigEndian">Whether the storages are in the other byte order.</param>
internal sealed class TorchTensorBuilder(ModelFileHandle file, Func<TorchStorage, StoragePlace> locate, bool bigEndian)
{
    /// <summary>Builds one tensor.</summary>
    /// <exception cref="ModelFormatException"><c>ShapeOverflow</c>, <c>TensorTruncated</c>, or what locating the storage finds.</exception>
    public TensorInfo Build(NamedTensor named)
    {
        TorchTensor tensor = named.Tensor;
        ImmutableArray<long> shape = [.. tensor.Sizes];
        long elements = TensorShape.ElementCount(shape, named.Name);
        TensorDType dtype = tensor.Element.DType;
        long length = TensorShape.ByteLength(dtype, elements, named.Name);
        if (tensor.Storage is not { } storage)
            return Info(named, shape, new UnreadableSource(named.Name, tensor.Unreadable!), null);
        (long first, long end) = Span(tensor, shape, named.Name);
        (long start, long available, RecordChecksum? checksum) = locate(storage);
        int size = tensor.Element.Size;
        if (storage.Bytes > available || end > (storage.Bytes - storage.ViewOffset) / size)
        {
            throw new ModelFormatException(FormatErrors.TensorTruncated,
                $"Tensor '{named.Name}' reaches to element {end} of storage '{storage.Key}', which has {Math.Min(storage.Bytes, available) / size}.",
                tensor: named.Name);
        }
        long viewFirst = storage.ViewOffset / size;
        StorageSpan span = new(storage.Id, viewFirst + first, viewFirst + end);
        if (tensor.Unreadable is not null)
            return Info(named, shape, new UnreadableSource(named.Name, tensor.Unreadable), span);
        long position = start + storage.ViewOffset + first * size;
        if (elements == 0)
            return Info(named, shape, new MemoryRegion(Array.Empty<byte>()), span);
        StridedLayout layout = new(tensor.Sizes, tensor.Strides);
        int swapUnit = !bigEndian ? 1 : dtype is TensorDType.C64 or TensorDType.C128 ? size / 2 : size;
        ITensorSource source = layout.IsContiguous && swapUnit == 1
            ? new FileRegion(file, position, length, checksum)
            : new StridedSource(file, position, end - first, layout, size, swapUnit, length, checksum);
        return Info(named, shape, source, span);
    }

    private static TensorInfo Info(NamedTensor named, ImmutableArray<long> shape, ITensorSource source, StorageSpan? span) =>
        new(named.Name, named.Tensor.Element.DType, shape, source)
        {
            Role = named.IsBuffer ? TensorRole.Buffer : TensorRole.Unknown,
            Trainable = named.IsBuffer ? false : named.Tensor.Trainable,
            Storage = span,
        };

    private static (long First, long End) Span(TorchTensor tensor, ImmutableArray<long> shape, string name)
    {
        try
        {
            long end = checked(tensor.Offset + StridedLayout.Extent(shape, tensor.Strides));
            // An empty tensor touches nothing, wherever its offset points.
            return end == tensor.Offset ? (0, 0) : (tensor.Offset, end);
        }
        catch (OverflowException e)
        {
            throw new ModelFormatException(FormatErrors.ShapeOverflow, $"The strides of tensor '{name}' lead beyond any storage.", tensor: name, inner: e);
        }
    }
}
