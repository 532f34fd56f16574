using System.Buffers.Binary;
using LowRankTools.Formats.IO;

namespace LowRankTools.Formats.Archives;

/// <summary>Where a zip archive's directory lies, as the record at the end of the file says.</summary>
/// <param name="Entries">Records in the archive.</param>
/// <param name="DirectoryOffset">First byte of the central directory.</param>
/// <param name="DirectoryBytes">Length of the central directory.</param>
internal readonly record struct ZipEndRecord(long Entries, long DirectoryOffset, long DirectoryBytes)
{
    /// <summary>Finds and checks the record, the 64-bit one where there is one.</summary>
    /// <exception cref="ModelFormatException"><c>ArchiveInvalid</c>, <c>HeaderTooLarge</c>.</exception>
    public static ZipEndRecord Read(ModelFileHandle file)
    {
        const int longestComment = ushort.MaxValue;
        byte[] tail = new byte[Math.Min(file.Length, ZipConstants.EndBytes + longestComment)];
        file.ReadExactly(file.Length - tail.Length, tail, FormatErrors.ArchiveInvalid);
        int at = Locate(tail);
        long position = file.Length - tail.Length + at;
        ReadOnlySpan<byte> end = tail.AsSpan(at);
        ushort count = BinaryPrimitives.ReadUInt16LittleEndian(end[10..]);
        uint bytes = BinaryPrimitives.ReadUInt32LittleEndian(end[12..]);
        uint offset = BinaryPrimitives.ReadUInt32LittleEndian(end[16..]);
        if (BinaryPrimitives.ReadUInt16LittleEndian(end[8..]) != count || BinaryPrimitives.ReadUInt32LittleEndian(end[4..]) is not (0 or uint.MaxValue))
            throw Invalid("It is one part of an archive in several files.");
        ZipEndRecord record = new(count, offset, bytes);
        if (Read64(file, position) is (ZipEndRecord wide, long widePosition))
        {
            if ((count != ZipConstants.Saturated16 && count != wide.Entries)
                || (bytes != ZipConstants.Saturated32 && bytes != wide.DirectoryBytes)
                || (offset != ZipConstants.Saturated32 && offset != wide.DirectoryOffset))
            {
                throw Invalid("Its two end records disagree.");
            }
            (record, position) = (wide, widePosition);
        }
        return record.Checked(position);
    }

    private ZipEndRecord Checked(long end)
    {
        if (DirectoryOffset < 0 || DirectoryBytes < 0 || DirectoryOffset > end || DirectoryBytes > end - DirectoryOffset)
            throw Invalid("Its directory lies outside the file.");
        if (DirectoryBytes > ZipConstants.MaxDirectoryBytes)
            throw new ModelFormatException(FormatErrors.HeaderTooLarge, $"The archive's directory is {DirectoryBytes} bytes long.");
        if (Entries < 0 || Entries > DirectoryBytes / ZipConstants.CentralBytes)
            throw Invalid($"Its directory cannot hold {Entries} records.");
        return this;
    }

    /// <summary>The last signature whose comment reaches exactly to the end of the file.</summary>
    private static int Locate(ReadOnlySpan<byte> tail)
    {
        for (int at = tail.Length - ZipConstants.EndBytes; at >= 0; at--)
        {
            if (BinaryPrimitives.ReadUInt32LittleEndian(tail[at..]) == ZipConstants.EndSignature
                && BinaryPrimitives.ReadUInt16LittleEndian(tail[(at + 20)..]) == tail.Length - at - ZipConstants.EndBytes)
            {
                return at;
            }
        }
        throw Invalid("The archive's directory is missing at the end of the file: it is cut off or damaged.");
    }

    private static (ZipEndRecord Record, long Position)? Read64(ModelFileHandle file, long end)
    {
        long locatorAt = end - ZipConstants.Locator64Bytes;
        if (locatorAt < 0)
            return null;
        Span<byte> locator = stackalloc byte[ZipConstants.Locator64Bytes];
        file.ReadExactly(locatorAt, locator, FormatErrors.ArchiveInvalid);
        if (BinaryPrimitives.ReadUInt32LittleEndian(locator) != ZipConstants.Locator64Signature)
            return null;
        long position = BinaryPrimitives.ReadInt64LittleEndian(locator[8..]);
        if (position < 0 || position > locatorAt - ZipConstants.End64Bytes)
            throw Invalid("Its 64-bit end record lies outside the file.");
        Span<byte> wide = stackalloc byte[ZipConstants.End64Bytes];
        file.ReadExactly(position, wide, FormatErrors.ArchiveInvalid);
        if (BinaryPrimitives.ReadUInt32LittleEndian(wide) != ZipConstants.End64Signature)
            throw Invalid("Its 64-bit end record is damaged.");
        return (new ZipEndRecord(
            BinaryPrimitives.ReadInt64LittleEndian(wide[32..]),
            BinaryPrimitives.ReadInt64LittleEndian(wide[48..]),
            BinaryPrimitives.ReadInt64LittleEndian(wide[40..])), position);
    }

    private static ModelFormatException Invalid(string message) =>
        new(FormatErrors.ArchiveInvalid, message);
}
