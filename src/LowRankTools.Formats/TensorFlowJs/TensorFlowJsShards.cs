using System.Buffers.Binary;

namespace LowRankTools.Formats;

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

    /// <summary>Takes the next bytes.</summary>
    /// <exception cref="ModelFormatException"><c>TensorTruncated</c>: the shards are too short.</exception>
    public ITensorSource Take(long length, string tensor)
    {
        if (length > Left)
        {
            throw new ModelFormatException(FormatErrors.TensorTruncated,
                $"Tensor '{tensor}' needs {length} bytes where the shards have {Left} left.", tensor: tensor,
                remedy: "Download or copy the model's shards again.");
        }
        List<(ITensorSource, long)> parts = [];
        int shard = Array.BinarySearch(_starts, _position);
        shard = shard < 0 ? ~shard - 1 : shard;
        for (long end = _position + length; _position < end; shard++)
        {
            long count = Math.Min(end, _starts[shard + 1]) - _position;
            if (count > 0)
                parts.Add((new FileRegion(_files[shard], _position - _starts[shard], count), count));
            _position += Math.Max(count, 0);
        }
        return parts.Count == 1 ? parts[0].Item1 : new JoinedRegions(parts);
    }

    /// <summary>Passes over texts: each is four bytes of length and so many bytes.</summary>
    public void SkipTexts(long count, string tensor)
    {
        byte[] prefix = new byte[sizeof(uint)];
        for (long i = 0; i < count; i++)
        {
            Take(prefix.Length, tensor).Read(0, prefix);
            Take(BinaryPrimitives.ReadUInt32LittleEndian(prefix), tensor);
        }
    }
}
