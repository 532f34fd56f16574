namespace LowRankTools.Formats.Archives;

/// <summary>One record of a zip archive, as its central directory describes it.</summary>
/// <param name="Name">Path inside the archive.</param>
/// <param name="Length">Bytes as they lie in the file.</param>
/// <param name="Method">Compression: zero where the bytes are stored plainly.</param>
/// <param name="Flags">General-purpose bits; the lowest says encrypted.</param>
/// <param name="HeaderOffset">Where the local header lies.</param>
/// <param name="Crc">CRC-32 of the bytes; zero where the writer computed none, as PyTorch can be told to.</param>
internal sealed record ZipEntry(string Name, long Length, int Method, int Flags, long HeaderOffset, uint Crc)
{
    /// <summary>First byte that belongs to what follows: the next record or the central directory.</summary>
    public long Limit { get; init; }
}
