using System.Buffers.Binary;
using System.Text;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Formats.Archives;

/// <summary>
/// Writes a zip archive of plainly stored records as a stream: lengths are known before, checksums are patched
/// in after. Times are fixed, so that equal content makes equal bytes. 64-bit fields appear where they are needed.
/// </summary>
internal sealed class ZipStoreWriter(TemporaryFile file)
{
    /// <summary>Records' data begins at a multiple of this: PyTorch maps storages in place.</summary>
    private const int Alignment = 64;

    /// <summary>Tag of the extra field that only fills space, as PyTorch's own writer uses it.</summary>
    private const ushort PaddingTag = 0x4246;

    private const ushort Utf8Names = 0x0800;
    private const ushort Version20 = 20;
    private const ushort Version45 = 45;

    /// <summary>1 January 1980, the format's first day, as DOS wrote it.</summary>
    private const ushort FirstDay = (1 << 5) | 1;

    private readonly List<(byte[] Name, long Length, long Offset, uint Crc)> _records = [];
    private uint _crc;
    private long _missing;

    /// <summary>Starts a record of known length; the one before must be whole.</summary>
    public void Begin(string name, long length)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        bool wide = length >= ZipConstants.Saturated32;
        int wideBytes = wide ? 20 : 0;
        int bare = ZipConstants.LocalBytes + bytes.Length + wideBytes + 4;
        int padding = (int)(-(file.Length + bare) & (Alignment - 1));
        byte[] header = new byte[bare + padding];
        uint size = wide ? ZipConstants.Saturated32 : (uint)length;
        BinaryPrimitives.WriteUInt32LittleEndian(header, ZipConstants.LocalSignature);
        WriteCommon(header.AsSpan(4), wide ? Version45 : Version20, 0, size);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(26), checked((ushort)bytes.Length));
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(28), (ushort)(wideBytes + 4 + padding));
        bytes.CopyTo(header.AsSpan(ZipConstants.LocalBytes));
        Span<byte> extra = header.AsSpan(ZipConstants.LocalBytes + bytes.Length);
        if (wide)
        {
            WriteTag(extra, ZipConstants.Extra64, 16);
            BinaryPrimitives.WriteInt64LittleEndian(extra[4..], length);
            BinaryPrimitives.WriteInt64LittleEndian(extra[12..], length);
            extra = extra[wideBytes..];
        }
        WriteTag(extra, PaddingTag, (ushort)padding);
        extra[4..].Fill((byte)'Z');
        _records.Add((bytes, length, file.Length, 0));
        file.Append(header);
        _crc = 0;
        _missing = length;
        Finish();
    }

    /// <summary>Appends bytes to the record that was begun last; no more than its length.</summary>
    public void Write(ReadOnlySpan<byte> data)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(data.Length, _missing);
        file.Append(data);
        _crc = Crc32.Append(_crc, data);
        _missing -= data.Length;
        Finish();
    }

    /// <summary>Writes a whole record.</summary>
    public void Add(string name, ReadOnlySpan<byte> data)
    {
        Begin(name, data.Length);
        Write(data);
    }

    /// <summary>Writes the directory; the archive is whole then.</summary>
    public void Complete()
    {
        long start = file.Length;
        foreach ((byte[] name, long length, long offset, uint crc) in _records)
            file.Append(CentralEntry(name, length, offset, crc));
        long bytes = file.Length - start;
        if (start >= ZipConstants.Saturated32 || bytes >= ZipConstants.Saturated32 || _records.Count >= ZipConstants.Saturated16)
            AppendEnd64(start, bytes);
        byte[] end = new byte[ZipConstants.EndBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(end, ZipConstants.EndSignature);
        ushort count = (ushort)Math.Min(_records.Count, ZipConstants.Saturated16);
        BinaryPrimitives.WriteUInt16LittleEndian(end.AsSpan(8), count);
        BinaryPrimitives.WriteUInt16LittleEndian(end.AsSpan(10), count);
        BinaryPrimitives.WriteUInt32LittleEndian(end.AsSpan(12), (uint)Math.Min(bytes, ZipConstants.Saturated32));
        BinaryPrimitives.WriteUInt32LittleEndian(end.AsSpan(16), (uint)Math.Min(start, ZipConstants.Saturated32));
        file.Append(end);
    }

    private void Finish()
    {
        if (_missing != 0)
            return;
        (byte[] name, long length, long offset, _) = _records[^1];
        _records[^1] = (name, length, offset, _crc);
        Span<byte> crc = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(crc, _crc);
        file.Patch(offset + 14, crc);
    }

    private static byte[] CentralEntry(byte[] name, long length, long offset, uint crc)
    {
        bool wideLength = length >= ZipConstants.Saturated32;
        bool wideOffset = offset >= ZipConstants.Saturated32;
        int wideBytes = (wideLength ? 16 : 0) + (wideOffset ? 8 : 0);
        int extraBytes = wideBytes == 0 ? 0 : 4 + wideBytes;
        byte[] entry = new byte[ZipConstants.CentralBytes + name.Length + extraBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(entry, ZipConstants.CentralSignature);
        ushort version = wideBytes == 0 ? Version20 : Version45;
        BinaryPrimitives.WriteUInt16LittleEndian(entry.AsSpan(4), version);
        WriteCommon(entry.AsSpan(6), version, crc, wideLength ? ZipConstants.Saturated32 : (uint)length);
        BinaryPrimitives.WriteUInt16LittleEndian(entry.AsSpan(28), (ushort)name.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(entry.AsSpan(30), (ushort)extraBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(42), wideOffset ? ZipConstants.Saturated32 : (uint)offset);
        name.CopyTo(entry.AsSpan(ZipConstants.CentralBytes));
        if (wideBytes == 0)
            return entry;
        Span<byte> extra = entry.AsSpan(ZipConstants.CentralBytes + name.Length);
        WriteTag(extra, ZipConstants.Extra64, (ushort)wideBytes);
        extra = extra[4..];
        if (wideLength)
        {
            BinaryPrimitives.WriteInt64LittleEndian(extra, length);
            BinaryPrimitives.WriteInt64LittleEndian(extra[8..], length);
            extra = extra[16..];
        }
        if (wideOffset)
            BinaryPrimitives.WriteInt64LittleEndian(extra, offset);
        return entry;
    }

    /// <summary>The fields that local header and directory share: version to uncompressed size.</summary>
    private static void WriteCommon(Span<byte> fields, ushort version, uint crc, uint size)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(fields, version);
        BinaryPrimitives.WriteUInt16LittleEndian(fields[2..], Utf8Names);
        BinaryPrimitives.WriteUInt16LittleEndian(fields[8..], FirstDay);
        BinaryPrimitives.WriteUInt32LittleEndian(fields[10..], crc);
        BinaryPrimitives.WriteUInt32LittleEndian(fields[14..], size);
        BinaryPrimitives.WriteUInt32LittleEndian(fields[18..], size);
    }

    private static void WriteTag(Span<byte> extra, ushort tag, ushort length)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(extra, tag);
        BinaryPrimitives.WriteUInt16LittleEndian(extra[2..], length);
    }

    private void AppendEnd64(long start, long bytes)
    {
        byte[] end = new byte[ZipConstants.End64Bytes + ZipConstants.Locator64Bytes];
        BinaryPrimitives.WriteUInt32LittleEndian(end, ZipConstants.End64Signature);
        BinaryPrimitives.WriteInt64LittleEndian(end.AsSpan(4), ZipConstants.End64Bytes - 12);
        BinaryPrimitives.WriteUInt16LittleEndian(end.AsSpan(12), Version45);
        BinaryPrimitives.WriteUInt16LittleEndian(end.AsSpan(14), Version45);
        BinaryPrimitives.WriteInt64LittleEndian(end.AsSpan(24), _records.Count);
        BinaryPrimitives.WriteInt64LittleEndian(end.AsSpan(32), _records.Count);
        BinaryPrimitives.WriteInt64LittleEndian(end.AsSpan(40), bytes);
        BinaryPrimitives.WriteInt64LittleEndian(end.AsSpan(48), start);
        Span<byte> locator = end.AsSpan(ZipConstants.End64Bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(locator, ZipConstants.Locator64Signature);
        BinaryPrimitives.WriteInt64LittleEndian(locator[8..], file.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(locator[16..], 1);
        file.Append(end);
    }
}
