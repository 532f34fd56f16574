using System.Buffers.Binary;

namespace LowRankTools.Formats.IO;

/// <summary>
/// The checksum of zip archives: CRC-32 with the reflected polynomial 0xEDB88320, eight bytes a step (M. E.
/// Kounavis and F. L. Berry, "A systematic approach to building high performance software-based CRC generators", 2005).
/// </summary>
internal static class Crc32
{
    private const uint Polynomial = 0xEDB88320;

    /// <summary>Row k: what a byte does to the checksum after k more bytes.</summary>
    private static readonly uint[][] s_tables = BuildTables();

    /// <summary>The checksum of what <paramref name="crc"/> covers with <paramref name="data"/> behind it; begin with zero.</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> data)
    {
        uint[][] t = s_tables;
        crc = ~crc;
        for (; data.Length >= 8; data = data[8..])
        {
            uint low = crc ^ BinaryPrimitives.ReadUInt32LittleEndian(data);
            uint high = BinaryPrimitives.ReadUInt32LittleEndian(data[4..]);
            crc = t[7][(byte)low] ^ t[6][(byte)(low >> 8)] ^ t[5][(byte)(low >> 16)] ^ t[4][low >> 24]
                ^ t[3][(byte)high] ^ t[2][(byte)(high >> 8)] ^ t[1][(byte)(high >> 16)] ^ t[0][high >> 24];
        }
        foreach (byte b in data)
            crc = t[0][(byte)(crc ^ b)] ^ (crc >> 8);
        return ~crc;
    }

    private static uint[][] BuildTables()
    {
        uint[][] tables = [.. Enumerable.Range(0, 8).Select(_ => new uint[256])];
        for (uint i = 0; i < 256; i++)
        {
            uint crc = i;
            for (int bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ ((crc & 1) * Polynomial);
            tables[0][i] = crc;
        }
        for (int k = 1; k < tables.Length; k++)
        {
            for (int i = 0; i < 256; i++)
                tables[k][i] = tables[0][(byte)tables[k - 1][i]] ^ (tables[k - 1][i] >> 8);
        }
        return tables;
    }
}
