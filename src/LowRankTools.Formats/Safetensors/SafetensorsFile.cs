using System.Buffers;
using System.Buffers.Binary;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Safetensors;

/// <summary>One safetensors file.</summary>
public sealed class SafetensorsFile : SingleTensorFile
{
    private const int FirstReadBytes = 64 * 1024;

    private readonly List<TensorInfo> _tensors;
    private readonly SafetensorsHeader _header;

    /// <summary>Opens a file and reads its header.</summary>
    /// <param name="path">Full path.</param>
    /// <exception cref="ModelFormatException">The header is damaged or does not fit the file.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public SafetensorsFile(string path)
        : this(new ModelFileHandle(path))
    {
    }

    /// <summary>Reads the header of what is open already.</summary>
    /// <param name="file">Owned from here on, also where reading fails.</param>
    /// <exception cref="ModelFormatException">The header is damaged or does not fit the file.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    internal SafetensorsFile(RandomAccessSource file)
        : base(file) => (_header, _tensors) = ReadOrClose(() =>
        {
            (SafetensorsHeader header, long dataStart) = ReadHeader(file);
            List<TensorInfo> tensors = new(header.Entries.Count);
            foreach (SafetensorsHeader.Entry e in header.Entries)
                tensors.Add(new TensorInfo(e.Name, e.DType, e.Shape, new FileRegion(file, dataStart + e.Begin, e.End - e.Begin)));
            return (header, tensors);
        });

    /// <inheritdoc/>
    public override ModelFormat Format => ModelFormat.Safetensors;

    /// <inheritdoc/>
    public override IReadOnlyList<TensorInfo> Tensors => _tensors;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>Identity of the run whose shard the file is; null for any other file.</summary>
    internal string? ShardSet => _header.Metadata.GetValueOrDefault(LowRankTools.Formats.Safetensors.ShardSet.Key);

    /// <summary>The identity of its set that a file carries; null where it is no safetensors file, or has none.</summary>
    /// <param name="path">Full path.</param>
    public static string? ShardSetOf(string path)
    {
        try
        {
            using SafetensorsFile file = new(path);
            return file.ShardSet;
        }
        catch (Exception e) when (e is ModelFormatException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static (SafetensorsHeader Header, long DataStart) ReadHeader(RandomAccessSource file)
    {
        // Most headers fit the first read: one system call opens a shard.
        byte[] first = ArrayPool<byte>.Shared.Rent(FirstReadBytes);
        try
        {
            int got = file.ReadUpTo(0, first.AsSpan(0, FirstReadBytes));
            int length = HeaderLength(first.AsSpan(0, got), file);
            long dataStart = SafetensorsConstants.PrefixBytes + length;
            if (dataStart <= got)
                return (SafetensorsHeader.Parse(first.AsSpan(SafetensorsConstants.PrefixBytes, length), file.Length - dataStart), dataStart);
            byte[] whole = new byte[length];
            file.ReadExactly(SafetensorsConstants.PrefixBytes, whole, FormatErrors.HeaderTruncated);
            return (SafetensorsHeader.Parse(whole, file.Length - dataStart), dataStart);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(first);
        }
    }

    private static int HeaderLength(ReadOnlySpan<byte> first, RandomAccessSource file)
    {
        if (first.Length < SafetensorsConstants.PrefixBytes)
            throw new ModelFormatException(FormatErrors.HeaderTruncated, "The file is shorter than a safetensors prefix.", file.Path);
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(first);
        if (length > SafetensorsConstants.MaxHeaderBytes)
            throw new ModelFormatException(FormatErrors.HeaderTooLarge, $"The header claims {length} bytes; {SafetensorsConstants.MaxHeaderBytes} are allowed.", file.Path);
        if ((long)length > file.Length - SafetensorsConstants.PrefixBytes)
            throw new ModelFormatException(FormatErrors.HeaderTruncated, $"The header claims {length} bytes and the file has {file.Length}.", file.Path);
        return (int)length;
    }
}
