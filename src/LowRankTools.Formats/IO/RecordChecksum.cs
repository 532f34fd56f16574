namespace LowRankTools.Formats.IO;

/// <summary>
/// Checks a record of an archive as it is read anyway: reads that follow each other from its first byte to its last are
/// held against its CRC-32. Reads that jump about check nothing. Safe from several threads.
/// </summary>
/// <param name="record">Name of the record, for the error.</param>
/// <param name="start">Absolute position of its first byte.</param>
/// <param name="length">Its bytes.</param>
/// <param name="expected">The checksum that the archive's directory tells.</param>
internal sealed class RecordChecksum(string record, long start, long length, uint expected)
{
    private readonly Lock _lock = new();
    private long _next = -1;
    private uint _crc;
    private bool _verified;

    /// <summary>Takes notice of bytes that were read.</summary>
    /// <param name="position">Absolute position of the first of them.</param>
    /// <param name="bytes">What was read.</param>
    /// <exception cref="ModelFormatException"><c>ArchiveInvalid</c>: the record has been read whole and is not what was written.</exception>
    public void Follow(long position, ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            if (_verified || bytes.Length == 0)
                return;
            if (position == start)
                (_next, _crc) = (start, 0);
            if (position != _next)
                return;
            _crc = Crc32.Append(_crc, bytes);
            _next += bytes.Length;
            if (_next != start + length)
                return;
            if (_crc != expected)
                throw Mismatch(record);
            _verified = true;
        }
    }

    /// <summary>The error about a record that does not have its checksum.</summary>
    public static ModelFormatException Mismatch(string record) =>
        new(FormatErrors.ArchiveInvalid, $"Record '{record}' of the archive does not match its checksum: its bytes have changed since they were written.");
}
