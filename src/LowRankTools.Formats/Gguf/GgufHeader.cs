using System.Collections.Immutable;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Gguf;

/// <summary>Key-values and tensor descriptions of a file, checked against its length.</summary>
internal sealed class GgufHeader
{
    private GgufHeader(GgufMetadata metadata, IReadOnlyList<Entry> entries)
    {
        Metadata = metadata.Values;
        KeyValues = metadata.KeyValues;
        Alignment = metadata.Alignment;
        Entries = entries;
    }

    /// <summary>Every key with its value as text.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Where every key-value lies, in the order of the file.</summary>
    public IReadOnlyList<GgufKeyValue> KeyValues { get; }

    /// <summary>Tensors begin at multiples of this.</summary>
    public uint Alignment { get; }

    /// <summary>Tensors in the order of the header.</summary>
    public IReadOnlyList<Entry> Entries { get; }

    /// <summary>One tensor; its sizes slowest first, its start absolute in the file.</summary>
    internal readonly record struct Entry(string Name, TensorDType DType, ImmutableArray<long> Shape, long Start, long Bytes);

    /// <summary>Reads and checks the header.</summary>
    /// <exception cref="ModelFormatException">See <see cref="FormatErrors"/>.</exception>
    public static GgufHeader Read(RandomAccessSource file)
    {
        GgufCursor cursor = new(file);
        if (!cursor.Take(4).SequenceEqual("GGUF"u8))
            throw new ModelFormatException(FormatErrors.UnknownFormat, "The file does not begin with GGUF.");
        CheckVersion(cursor.UInt32());
        ulong tensors = cursor.Count(GgufConstants.MinTensorBytes);
        ulong keyValues = cursor.Count(GgufConstants.MinKeyValueBytes);
        if (Math.Max(tensors, keyValues) > GgufConstants.MaxEntries)
            throw new ModelFormatException(FormatErrors.HeaderTooLarge, $"The header claims {tensors} tensors and {keyValues} key-values; {GgufConstants.MaxEntries} are allowed.");
        GgufMetadata metadata = GgufMetadata.Read(cursor, keyValues);
        Entry[] entries = ReadEntries(cursor, (int)tensors, metadata.Alignment);
        long alignment = metadata.Alignment;
        long dataStart = checked((cursor.Position + alignment - 1) / alignment * alignment);
        for (int i = 0; i < entries.Length; i++)
            entries[i] = Place(entries[i], dataStart, file.Length);
        CheckOverlap(entries);
        return new GgufHeader(metadata, entries);
    }

    private static void CheckVersion(uint version)
    {
        if (version is >= GgufConstants.MinVersion and <= GgufConstants.MaxVersion)
            return;
        // A small number in the upper half is one that was written big end first.
        bool swapped = (version & 0xFFFF) == 0 && version != 0;
        throw new ModelFormatException(FormatErrors.VersionUnsupported,
            swapped ? "The file is written for big-endian machines." : $"The file is of GGUF version {version}.",
            remedy: swapped ? "Convert it to little-endian with the tool that made it." : "Versions 2 and 3 are read.");
    }

    /// <summary>Reads the descriptions; <see cref="Entry.Start"/> is relative to the data until <see cref="Place"/>.</summary>
    private static Entry[] ReadEntries(GgufCursor cursor, int count, uint alignment)
    {
        Entry[] entries = new Entry[count];
        HashSet<string> names = new(StringComparer.Ordinal);
        for (int i = 0; i < count; i++)
        {
            entries[i] = ReadEntry(cursor);
            if (!names.Add(entries[i].Name))
                throw new ModelFormatException(FormatErrors.DuplicateTensor, $"The name '{entries[i].Name}' stands twice in the header.", tensor: entries[i].Name);
            if (entries[i].Start % alignment != 0)
                throw Bad(FormatErrors.HeaderInvalid, entries[i].Name, $"begins at {entries[i].Start}, which is no multiple of the alignment {alignment}");
        }
        return entries;
    }

    private static Entry ReadEntry(GgufCursor cursor)
    {
        string name = cursor.Name();
        uint dimensions = cursor.UInt32();
        if (dimensions > GgufConstants.MaxDimensions)
            throw Bad(FormatErrors.HeaderInvalid, name, $"has {dimensions} dimensions; {GgufConstants.MaxDimensions} are allowed");
        long[] shape = new long[dimensions];
        // The file has the fastest dimension first. Sizes above 2^63 turn negative and are refused with the shape.
        for (int i = shape.Length - 1; i >= 0; i--)
            shape[i] = unchecked((long)cursor.UInt64());
        TensorDType dtype = GgufTensorTypes.Find(cursor.UInt32(), name);
        ImmutableArray<long> sizes = ImmutableArray.Create(shape);
        long elements = TensorShape.ElementCount(sizes, name);
        long row = shape.Length == 0 ? 1 : shape[^1];
        if (row % dtype.BlockElements() != 0)
            throw Bad(FormatErrors.TensorSizeMismatch, name, $"has rows of {row} elements, which blocks of {dtype.BlockElements()} ({dtype}) do not fill");
        ulong offset = cursor.UInt64();
        if (offset > long.MaxValue)
            throw Bad(FormatErrors.TensorTruncated, name, $"begins at {offset}, beyond the end of any file");
        return new Entry(name, dtype, sizes, (long)offset, TensorShape.ByteLength(dtype, elements, name));
    }

    private static Entry Place(Entry entry, long dataStart, long fileLength)
    {
        // An empty tensor needs no data section at all; any other must end inside the file.
        if (entry.Bytes > 0 && (dataStart > fileLength || entry.Start > fileLength - dataStart || entry.Bytes > fileLength - dataStart - entry.Start))
            throw Bad(FormatErrors.TensorTruncated, entry.Name, $"needs {entry.Bytes} bytes at {entry.Start} of the data, and the file ends before");
        return entry with { Start = entry.Bytes > 0 ? dataStart + entry.Start : 0 };
    }

    private static void CheckOverlap(Entry[] entries)
    {
        long end = 0;
        foreach (Entry entry in entries.Where(e => e.Bytes > 0).OrderBy(e => e.Start))
        {
            if (entry.Start < end)
                throw Bad(FormatErrors.TensorOverlap, entry.Name, "overlaps the tensor before it");
            end = entry.Start + entry.Bytes;
        }
    }

    private static ModelFormatException Bad(string id, string tensor, string what) => new(id, $"Tensor '{tensor}' {what}.", tensor: tensor);
}
