namespace LowRankTools.Formats.Tensors;

/// <summary>
/// Where a tensor's bytes come from. Whatever the file does (views, varints, foreign byte order), a source
/// hands out the tensor contiguous, in C order and little-endian.
/// </summary>
public interface ITensorSource
{
    /// <summary>Fills <paramref name="destination"/> with the tensor's bytes from <paramref name="offset"/> on.</summary>
    /// <exception cref="ModelFormatException"><c>TensorTruncated</c>: the file ends before the range does.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    void Read(long offset, Span<byte> destination);
}
