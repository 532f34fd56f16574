using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;

namespace LowRankTools.Core.Parts;

/// <summary>
/// Checksum of the bytes that a part holds, 128 bits: four CRC-32C (Castagnoli, Braeuer, Herrmann, 1993), each of every fourth eight bytes, by the
/// processor's own instruction, and the length. It finds what disks, copies and killed writers do to a file at the speed of memory; against somebody who means
/// it no hash helps that lies in the same file.
/// </summary>
internal sealed class PartChecksum
{
    /// <summary>Characters of a checksum.</summary>
    public const int Digits = 32;

    private const int BlockBytes = 4 * sizeof(ulong);

    private readonly byte[] _open = new byte[BlockBytes];
    private uint _first, _second, _third, _fourth;
    private long _length;

    /// <summary>Takes bytes behind those that were taken before, in pieces of any size.</summary>
    public void Append(ReadOnlySpan<byte> data)
    {
        int open = (int)(_length % BlockBytes);
        _length += data.Length;
        if (open > 0)
        {
            int taken = Math.Min(BlockBytes - open, data.Length);
            data[..taken].CopyTo(_open.AsSpan(open));
            if (open + taken < BlockBytes)
                return;
            Add(_open);
            data = data[taken..];
        }
        int whole = data.Length / BlockBytes * BlockBytes;
        Add(data[..whole]);
        data[whole..].CopyTo(_open);
    }

    /// <summary>The checksum in hexadecimal digits; what comes next begins anew.</summary>
    public string Complete()
    {
        int open = (int)(_length % BlockBytes);
        if (open > 0)
        {
            _open.AsSpan(open).Clear();
            Add(_open);
        }
        // Zeros at the end are told from none by the length.
        _open.AsSpan().Clear();
        for (int lane = 0; lane < BlockBytes; lane += sizeof(long))
            BinaryPrimitives.WriteInt64LittleEndian(_open.AsSpan(lane), _length);
        Add(_open);
        string checksum = string.Create(CultureInfo.InvariantCulture, $"{_first:x8}{_second:x8}{_third:x8}{_fourth:x8}");
        (_first, _second, _third, _fourth, _length) = (0, 0, 0, 0, 0);
        return checksum;
    }

    // Four chains that do not wait for one another: the instruction takes three cycles and begins in each.
    private void Add(ReadOnlySpan<byte> blocks)
    {
        (uint first, uint second, uint third, uint fourth) = (_first, _second, _third, _fourth);
        for (; blocks.Length >= BlockBytes; blocks = blocks[BlockBytes..])
        {
            first = BitOperations.Crc32C(first, BinaryPrimitives.ReadUInt64LittleEndian(blocks));
            second = BitOperations.Crc32C(second, BinaryPrimitives.ReadUInt64LittleEndian(blocks[8..]));
            third = BitOperations.Crc32C(third, BinaryPrimitives.ReadUInt64LittleEndian(blocks[16..]));
            fourth = BitOperations.Crc32C(fourth, BinaryPrimitives.ReadUInt64LittleEndian(blocks[24..]));
        }
        (_first, _second, _third, _fourth) = (first, second, third, fourth);
    }
}
