using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.IO;

/// <summary>Bytes that lie in several places, one after another: a tensor across shard boundaries, a split field.</summary>
internal sealed class JoinedRegions : ITensorSource
{
    private readonly ITensorSource[] _parts;
    private readonly long[] _ends;

    /// <summary>Joins parts; each with the bytes of it that count.</summary>
    public JoinedRegions(IReadOnlyList<(ITensorSource Source, long Length)> parts)
    {
        _parts = new ITensorSource[parts.Count];
        _ends = new long[parts.Count];
        long end = 0;
        for (int i = 0; i < parts.Count; i++)
        {
            _parts[i] = parts[i].Source;
            _ends[i] = end = checked(end + parts[i].Length);
        }
    }

    /// <inheritdoc/>
    public void Read(long offset, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, (_ends.Length == 0 ? 0 : _ends[^1]) - destination.Length);
        // The first part that ends after the offset; empty parts end where they begin and are passed over.
        int part = Array.BinarySearch(_ends, offset + 1);
        for (int i = part < 0 ? ~part : First(part); destination.Length > 0; i++)
        {
            int count = (int)Math.Min(destination.Length, _ends[i] - offset);
            long start = i == 0 ? 0 : _ends[i - 1];
            _parts[i].Read(offset - start, destination[..count]);
            destination = destination[count..];
            offset += count;
        }
    }

    /// <summary>Of several parts with one end only the first holds bytes.</summary>
    private int First(int part)
    {
        while (part > 0 && _ends[part - 1] == _ends[part])
            part--;
        return part;
    }
}
