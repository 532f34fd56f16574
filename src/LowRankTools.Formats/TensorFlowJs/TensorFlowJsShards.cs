using System.Buffers.Binary;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.TensorFlowJs;

/// <summary>
/// The joined bytes of a group's shards, handed out weight by weight; a weight may begin in one shard and end in
/// another.
/// </summary>
internal sealed class TensorFlowJsShards
{
    private readonly IReadOnlyList<ModelFileHandle> _files;
    private readonly long[] _starts;
    private long _position;

    /// <summary>Joins shards.</summary>
    public TensorFlowJsShards(IReadOnlyList<ModelFileHandle> files)
    {
        _files = files;
        _starts = new long[files.Count + 1];
        for (int i = 0; i < files.Count; i++)
            _starts[i + 1] = checked(_starts[i] + files[i].Length);
    }

    /// <summary>Bytes that no weight has taken yet.</summary>
    public long Left => _starts[^1] - _position;

    /// <summary>Bytes that weights have taken.</summary>
    public long Position => _position;

    /// <summary>Bytes that a weight has taken.</summary>
    /// <param name="from">Where it began, <see cref="Position"/> before.</param>
    public ITensorSource Taken(long from) => Region(from, _position - from);

    /// <summary>Takes the next bytes.</summary>
    /// <exception cref="ModelFormatException"><c>TensorTruncated</c>: the shards are too short.</exception>
    public ITensorSource Take(long length, string tensor)
    {
        if (length > Left)
            throw TooShort(length, tensor);
        ITensorSource source = Region(_position, length);
        _position += length;
        return source;
    }

    /// <summary>Passes over texts: each is four bytes of length and so many bytes.</summary>
    /// <exception cref="ModelFormatException"><c>TensorTruncated</c>: the shards are too short.</exception>
    public void SkipTexts(long count, string tensor)
    {
        byte[] window = new byte[64 * 1024];
        long start = 0;
        int filled = 0;
        for (long i = 0; i < count; i++)
        {
            if (Left / sizeof(uint) < count - i)
                throw TooShort((count - i) * sizeof(uint), tensor);
            if (_position < start || _position + sizeof(uint) > start + filled)
            {
                start = _position;
                filled = (int)Math.Min(window.Length, Left);
                Region(_position, filled).Read(0, window.AsSpan(0, filled));
            }
            long length = sizeof(uint) + (long)BinaryPrimitives.ReadUInt32LittleEndian(window.AsSpan((int)(_position - start)));
            if (length > Left)
                throw TooShort(length, tensor);
            _position += length;
        }
    }

    private ITensorSource Region(long from, long length)
    {
        List<(ITensorSource, long)> parts = [];
        int shard = Array.BinarySearch(_starts, from);
        shard = shard < 0 ? ~shard - 1 : shard;
        long end = from + length;
        for (long at = from; at < end; shard++)
        {
            long count = Math.Min(end, _starts[shard + 1]) - at;
            if (count > 0)
                parts.Add((new FileRegion(_files[shard], at - _starts[shard], count), count));
            at += count;
        }
        return parts.Count == 1 ? parts[0].Item1 : new JoinedRegions(parts);
    }

    private ModelFormatException TooShort(long length, string tensor) =>
        new(FormatErrors.TensorTruncated, $"Tensor '{tensor}' needs {length} bytes where the shards have {Left} left.", tensor: tensor,
            remedy: "Download or copy the model's shards again.");
}
