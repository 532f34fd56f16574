using System.Buffers.Binary;
using System.Text;
using LowRankTools.Formats.IO;

namespace LowRankTools.Formats.Archives;

/// <summary>
/// The central directory of a zip archive. Nothing is unpacked: records that are stored plainly are ranges of
/// the file. Records may neither overlap nor share a name, so that two readers cannot see two models.
/// </summary>
internal sealed class ZipDirectory
{
    /// <summary>Bytes that are held at a time while a checksum is computed.</summary>
    private const int VerifiedBytes = 256 * 1024;

    private readonly ModelFileHandle _file;
    private readonly Dictionary<string, ZipEntry> _entries = new(StringComparer.Ordinal);

    /// <summary>Reads the directory.</summary>
    /// <exception cref="ModelFormatException"><c>ArchiveInvalid</c>: there is none, or it contradicts itself or the file;
    /// <c>HeaderTooLarge</c>: it is longer than is sane.</exception>
    public ZipDirectory(ModelFileHandle file)
    {
        _file = file;
        ZipEndRecord end = ZipEndRecord.Read(file);
        byte[] directory = new byte[end.DirectoryBytes];
        file.ReadExactly(end.DirectoryOffset, directory, FormatErrors.ArchiveInvalid);
        List<ZipEntry> entries = Parse(directory, end.Entries);
        entries.Sort((a, b) => a.HeaderOffset.CompareTo(b.HeaderOffset));
        for (int i = 0; i < entries.Count; i++)
        {
            long limit = i + 1 < entries.Count ? entries[i + 1].HeaderOffset : end.DirectoryOffset;
            Add(entries[i] with { Limit = limit });
        }
    }

    /// <summary>Every record.</summary>
    public IReadOnlyCollection<ZipEntry> Entries => _entries.Values;

    /// <summary>The record of that name, or null.</summary>
    public ZipEntry? Find(string name) => _entries.GetValueOrDefault(name);

    /// <summary>Absolute position of a record's first byte; its bytes lie in the file as they are.</summary>
    /// <exception cref="ModelFormatException"><c>ArchiveCompressed</c>: they do not; <c>ArchiveInvalid</c>: the record's own
    /// header disagrees with the directory.</exception>
    public long DataOffset(ZipEntry entry)
    {
        if ((entry.Flags & 1) != 0)
            throw Invalid($"Record '{entry.Name}' is encrypted.");
        if (entry.Method != 0)
        {
            throw new ModelFormatException(FormatErrors.ArchiveCompressed, $"Record '{entry.Name}' of the archive is compressed.",
                remedy: "Unpack it and pack it again without compression (zip -0), or load and save the model with PyTorch.");
        }
        byte[] name = Encoding.UTF8.GetBytes(entry.Name);
        // One read a record: name and header together, as long as the directory says that the name is.
        byte[] header = new byte[ZipConstants.LocalBytes + name.Length];
        _file.ReadExactly(entry.HeaderOffset, header, FormatErrors.ArchiveInvalid);
        int nameLength = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(26));
        int extraLength = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(28));
        long start = entry.HeaderOffset + header.Length + extraLength;
        if (BinaryPrimitives.ReadUInt32LittleEndian(header) != ZipConstants.LocalSignature
            || BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(8)) != entry.Method
            || nameLength != name.Length || !header.AsSpan(ZipConstants.LocalBytes).SequenceEqual(name)
            || entry.Length > entry.Limit - start)
        {
            throw Invalid($"The header of record '{entry.Name}' disagrees with the directory.");
        }
        return start;
    }

    /// <summary>Reads a record through and holds it against its checksum, where it has one.</summary>
    /// <exception cref="ModelFormatException"><c>ArchiveInvalid</c>: its bytes have changed; or what <see cref="DataOffset"/> finds.</exception>
    public void Verify(ZipEntry entry)
    {
        if (entry.Crc == 0)
            return;
        long start = DataOffset(entry);
        byte[] buffer = new byte[(int)Math.Min(VerifiedBytes, entry.Length)];
        uint crc = 0;
        for (long done = 0; done < entry.Length; done += buffer.Length)
        {
            Span<byte> part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, entry.Length - done));
            _file.ReadExactly(start + done, part, FormatErrors.ArchiveInvalid);
            crc = Crc32.Append(crc, part);
        }
        if (crc != entry.Crc)
            throw RecordChecksum.Mismatch(entry.Name);
    }

    private void Add(ZipEntry entry)
    {
        // The local header repeats the name; its extra field may be longer than the directory's, never shorter than none.
        long least = ZipConstants.LocalBytes + Encoding.UTF8.GetByteCount(entry.Name) + entry.Length;
        if (least > entry.Limit - entry.HeaderOffset)
            throw Invalid($"Record '{entry.Name}' overlaps what follows it.");
        if (!_entries.TryAdd(entry.Name, entry))
            throw Invalid($"Record '{entry.Name}' stands twice in the directory.");
    }

    private static List<ZipEntry> Parse(ReadOnlySpan<byte> directory, long count)
    {
        List<ZipEntry> entries = new((int)count);
        while (entries.Count < count)
        {
            if (directory.Length < ZipConstants.CentralBytes || BinaryPrimitives.ReadUInt32LittleEndian(directory) != ZipConstants.CentralSignature)
                throw Invalid($"The directory promises {count} records and ends after {entries.Count}.");
            int nameLength = BinaryPrimitives.ReadUInt16LittleEndian(directory[28..]);
            int extraLength = BinaryPrimitives.ReadUInt16LittleEndian(directory[30..]);
            int total = ZipConstants.CentralBytes + nameLength + extraLength + BinaryPrimitives.ReadUInt16LittleEndian(directory[32..]);
            if (total > directory.Length)
                throw Invalid("An entry of the directory is longer than the directory.");
            entries.Add(ParseEntry(directory, directory.Slice(ZipConstants.CentralBytes, nameLength), directory.Slice(ZipConstants.CentralBytes + nameLength, extraLength)));
            directory = directory[total..];
        }
        return entries;
    }

    private static ZipEntry ParseEntry(ReadOnlySpan<byte> fields, ReadOnlySpan<byte> nameBytes, ReadOnlySpan<byte> extra)
    {
        string name = Encoding.UTF8.GetString(nameBytes);
        ulong length = BinaryPrimitives.ReadUInt32LittleEndian(fields[24..]);
        ulong packed = BinaryPrimitives.ReadUInt32LittleEndian(fields[20..]);
        ulong offset = BinaryPrimitives.ReadUInt32LittleEndian(fields[42..]);
        ReadOnlySpan<byte> wide = Find64(extra);
        length = Widen(length, ref wide, name);
        packed = Widen(packed, ref wide, name);
        offset = Widen(offset, ref wide, name);
        int method = BinaryPrimitives.ReadUInt16LittleEndian(fields[10..]);
        if (length > long.MaxValue || packed > long.MaxValue || offset > long.MaxValue || (method == 0 && length != packed))
            throw Invalid($"Record '{name}' has impossible lengths.");
        return new ZipEntry(name, (long)packed, method, BinaryPrimitives.ReadUInt16LittleEndian(fields[8..]), (long)offset, BinaryPrimitives.ReadUInt32LittleEndian(fields[16..]));
    }

    /// <summary>The 64-bit extra field holds, in order, only what is saturated in the 32-bit fields.</summary>
    private static ulong Widen(ulong value, ref ReadOnlySpan<byte> wide, string name)
    {
        if (value != ZipConstants.Saturated32)
            return value;
        if (wide.Length < sizeof(ulong))
            throw Invalid($"Record '{name}' lacks its 64-bit lengths.");
        value = BinaryPrimitives.ReadUInt64LittleEndian(wide);
        wide = wide[sizeof(ulong)..];
        return value;
    }

    private static ReadOnlySpan<byte> Find64(ReadOnlySpan<byte> extra)
    {
        while (extra.Length >= 4)
        {
            int length = BinaryPrimitives.ReadUInt16LittleEndian(extra[2..]);
            if (length > extra.Length - 4)
                break;
            if (BinaryPrimitives.ReadUInt16LittleEndian(extra) == ZipConstants.Extra64)
                return extra.Slice(4, length);
            extra = extra[(4 + length)..];
        }
        return [];
    }

    private static ModelFormatException Invalid(string message) =>
        new(FormatErrors.ArchiveInvalid, message);
}
