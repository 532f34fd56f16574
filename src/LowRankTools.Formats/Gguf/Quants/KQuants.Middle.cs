using System.Runtime.Intrinsics;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Gguf.Quants;

// Super-blocks of 256 in eight groups of 32, each with a six-bit scale and a six-bit minimum. Nibbles are planar in
// pieces of 64: byte i holds element i of the even group low and of the odd group high.

/// <summary>The twelve bytes that eight scales and eight minima of six bits are packed in.</summary>
internal static class SixBitScales
{
    /// <summary>
    /// Groups 0-3 lie plainly in the low six bits of bytes 0-3 (scales) and 4-7 (minima). Groups 4-7 have their low
    /// nibbles in bytes 8-11 and their top two bits on top of the plain ones.
    /// </summary>
    public static (int Scale, int Minimum) Unpack(ReadOnlySpan<byte> packed, int group)
    {
        if (group < 4)
            return (packed[group] & 63, packed[group + 4] & 63);
        return ((packed[group + 4] & 15) | ((packed[group - 4] >> 6) << 4),
            (packed[group + 4] >> 4) | ((packed[group] >> 6) << 4));
    }
}

/// <summary>d (2), dmin (2), scales (12), nibbles (128): q (d s) - dmin m.</summary>
internal readonly struct Q4_K : IBlockQuant
{
    public static TensorDType DType => TensorDType.Q4_K;

    public static void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        float d = QuantVector.Half(block);
        float dmin = QuantVector.Half(block[2..]);
        for (int group = 0; group < 8; group++)
        {
            (int scale, int minimum) = SixBitScales.Unpack(block.Slice(4, 12), group);
            for (int i = 0; i < 32; i += QuantVector.Width)
            {
                Vector128<byte> q = QuantVector.Field(QuantVector.Load(block, 16 + 32 * (group >> 1) + i), 4 * (group & 1), 15);
                QuantVector.ScaleAndShift(q, d * scale, -(dmin * minimum), values[(32 * group + i)..]);
            }
        }
    }
}

/// <summary>d (2), dmin (2), scales (12), fifth bits (32), nibbles (128): q (d s) - dmin m.</summary>
internal readonly struct Q5_K : IBlockQuant
{
    public static TensorDType DType => TensorDType.Q5_K;

    public static void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        float d = QuantVector.Half(block);
        float dmin = QuantVector.Half(block[2..]);
        for (int group = 0; group < 8; group++)
        {
            (int scale, int minimum) = SixBitScales.Unpack(block.Slice(4, 12), group);
            for (int i = 0; i < 32; i += QuantVector.Width)
            {
                Vector128<byte> low = QuantVector.Field(QuantVector.Load(block, 48 + 32 * (group >> 1) + i), 4 * (group & 1), 15);
                Vector128<byte> fifth = QuantVector.Field(QuantVector.Load(block, 16 + i), group, 1);
                Vector128<byte> q = low | (fifth.AsUInt16() << 4).AsByte();
                QuantVector.ScaleAndShift(q, d * scale, -(dmin * minimum), values[(32 * group + i)..]);
            }
        }
    }
}
