namespace LowRankTools.Formats.Tensors;

/// <summary>
/// The transpose of a stored matrix, for readers that want it from its first byte to its last: it is turned at the first request, held, and let go
/// with the last element.
/// </summary>
internal sealed class TransposedSource(TensorInfo stored) : ITensorSource
{
    private readonly Lock _lock = new();
    private byte[]? _held;

    /// <inheritdoc/>
    public void Read(long offset, Span<byte> destination)
    {
        lock (_lock)
        {
            _held ??= Turned();
            _held.AsSpan((int)offset, destination.Length).CopyTo(destination);
            if (offset + destination.Length == _held.Length)
                _held = null;
        }
    }

    private byte[] Turned()
    {
        int rows = (int)stored.Shape[0], columns = (int)stored.Shape[1], size = stored.DType.BlockBytes();
        byte[] bytes = new byte[stored.ByteLength], turned = new byte[stored.ByteLength];
        stored.Source.Read(0, bytes);
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < columns; j++)
                bytes.AsSpan(((i * columns) + j) * size, size).CopyTo(turned.AsSpan(((j * rows) + i) * size));
        }
        return turned;
    }
}
