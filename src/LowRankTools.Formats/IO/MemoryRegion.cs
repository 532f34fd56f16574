using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.IO;

/// <summary>A small tensor whose values stand in the header itself and were decoded with it.</summary>
/// <param name="bytes">Contiguous, C order, little-endian.</param>
public sealed class MemoryRegion(ReadOnlyMemory<byte> bytes) : ITensorSource
{
    /// <inheritdoc/>
    public void Read(long offset, Span<byte> destination) =>
        bytes.Span.Slice(checked((int)offset), destination.Length).CopyTo(destination);
}
