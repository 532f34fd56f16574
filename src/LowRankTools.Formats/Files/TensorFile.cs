using LowRankTools.Formats.Conversion;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Files;

/// <summary>
/// One opened model: what its header says of every tensor, and typed reads of their values. Opening costs the
/// header; values are read when asked for, one range at a time. Reads are safe from several threads.
/// </summary>
public abstract class TensorFile : IDisposable
{
    /// <summary>Bytes read and converted at a time: well inside a second-level cache.</summary>
    private const int ChunkBytes = 256 * 1024;
    private const int SmallestPage = 4096;

    /// <summary>Path as it was opened: the file, or the index of a sharded model.</summary>
    public abstract string Path { get; }

    /// <summary>File format.</summary>
    public abstract ModelFormat Format { get; }

    /// <summary>Every tensor, in the order of the file.</summary>
    public abstract IReadOnlyList<TensorInfo> Tensors { get; }

    /// <summary>Free text that the file carries: safetensors metadata, GGUF key-values, ONNX properties.</summary>
    public virtual IReadOnlyDictionary<string, string> Metadata => System.Collections.Frozen.FrozenDictionary<string, string>.Empty;

    /// <summary>Every file that belongs to the model, full paths: the index, its shards, external data.</summary>
    public abstract IReadOnlyList<string> Files { get; }

    /// <summary>Bytes of all <see cref="Files"/> on disk.</summary>
    public abstract long FileBytes { get; }

    /// <summary>What came over the network so far; null for files on this machine.</summary>
    public virtual RemoteTransfer? Transfer => null;

    /// <summary>Reads consecutive elements, converted to float32.</summary>
    /// <param name="tensor">One of <see cref="Tensors"/>.</param>
    /// <param name="firstElement">Index of the first element in C order; a multiple of the type's block.</param>
    /// <param name="destination">Filled wholly.</param>
    /// <param name="cancellationToken">Stops between chunks.</param>
    /// <exception cref="ModelFormatException"><c>ValuesUnsupported</c>: the type has no conversion;
    /// <c>TensorTruncated</c>: the file is too short.</exception>
    public void ReadSingles(TensorInfo tensor, long firstElement, Span<float> destination, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(firstElement);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstElement, tensor.ElementCount - destination.Length);
        try
        {
            if (tensor.DType == TensorDType.F32)
                ReadPlain(tensor, firstElement, destination, cancellationToken);
            else
                ReadConverted(tensor, firstElement, destination, cancellationToken);
        }
        catch (ModelFormatException e) when (e.File is null)
        {
            throw e.In(Path);
        }
    }

    /// <summary>Reads a tensor's bytes as they are: contiguous, C order, little-endian.</summary>
    /// <param name="tensor">One of <see cref="Tensors"/>.</param>
    /// <param name="offset">First byte, relative to the tensor.</param>
    /// <param name="destination">Filled wholly.</param>
    /// <exception cref="ModelFormatException"><c>TensorTruncated</c>: the file is too short.</exception>
    public void ReadBytes(TensorInfo tensor, long offset, Span<byte> destination)
    {
        try
        {
            tensor.Source.Read(offset, destination);
        }
        catch (ModelFormatException e) when (e.File is null)
        {
            throw e.In(Path);
        }
    }

    /// <summary>Closes all files.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Closes all files.</summary>
    /// <param name="disposing">True when called from <see cref="Dispose()"/>.</param>
    protected abstract void Dispose(bool disposing);

    private static void ReadPlain(TensorInfo tensor, long firstElement, Span<float> destination, CancellationToken cancellationToken)
    {
        // Large pieces: each is one system call straight into the caller's memory.
        const int piece = 1024 * 1024;
        for (int done = 0; done < destination.Length; done += piece)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Span<float> part = destination.Slice(done, Math.Min(piece, destination.Length - done));
            TouchPages(part);
            tensor.Source.Read((firstElement + done) * sizeof(float), System.Runtime.InteropServices.MemoryMarshal.AsBytes(part));
        }
    }

    // A fresh page that a system call must make holds up all threads that change the memory map, the compiler's and the
    // allocator's among them; one that the program asks for does not (seen on Linux 6.18 with pages of 2 MiB).
    private static void TouchPages(Span<float> part)
    {
        for (int i = 0; i < part.Length; i += SmallestPage / sizeof(float))
            part[i] = 0;
    }

    private static void ReadConverted(TensorInfo tensor, long firstElement, Span<float> destination, CancellationToken cancellationToken)
    {
        int blockElements = tensor.DType.BlockElements();
        int blockBytes = tensor.DType.BlockBytes();
        if (firstElement % blockElements != 0)
            throw new ArgumentOutOfRangeException(nameof(firstElement), firstElement, $"Reads of {tensor.DType} start at a multiple of {blockElements}.");
        int chunkBlocks = ChunkBytes / blockBytes;
        byte[] buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(chunkBlocks * blockBytes);
        try
        {
            long offset = firstElement / blockElements * blockBytes;
            while (destination.Length > 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
                int count = (int)Math.Min(destination.Length, (long)chunkBlocks * blockElements);
                Span<byte> bytes = buffer.AsSpan(0, (int)tensor.DType.ByteLength(count));
                tensor.Source.Read(offset, bytes);
                TensorConversion.ToSingle(tensor.DType, bytes, destination[..count], tensor.Name);
                destination = destination[count..];
                offset += bytes.Length;
            }
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
