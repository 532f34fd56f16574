using System.Runtime.Intrinsics;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Gguf.Quants;

// Super-blocks of 256 in sixteen groups of 16, each group with a small integer scale of its own. Two-bit fields are
// planar: within each half of 128 elements, bits 2j and 2j+1 of byte i belong to element 32 j + i.

/// <summary>Scale and minimum nibbles (16), two-bit quants (64), d (2), dmin (2): q (d s) - dmin m.</summary>
internal readonly struct Q2_K : IBlockQuant
{
    public static TensorDType DType => TensorDType.Q2_K;

    public static void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        ReadOnlySpan<byte> scales = block[..16];
        float d = QuantVector.Half(block[80..]);
        float dmin = QuantVector.Half(block[82..]);
        for (int group = 0; group < 16; group++)
        {
            (int half, int plane, int side) = (group >> 3, (group >> 1) & 3, group & 1);
            Vector128<byte> q = QuantVector.Field(QuantVector.Load(block, 16 + 32 * half + 16 * side), 2 * plane, 3);
            QuantVector.ScaleAndShift(q, d * (scales[group] & 15), -(dmin * (scales[group] >> 4)), values[(16 * group)..]);
        }
    }
}

/// <summary>Third bits (32), two-bit quants (64), six-bit scales (12), d (2): (q - 4) (d (s - 32)).</summary>
internal readonly struct Q3_K : IBlockQuant
{
    public static TensorDType DType => TensorDType.Q3_K;

    public static void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        ReadOnlySpan<byte> scales = block.Slice(96, 12);
        float d = QuantVector.Half(block[108..]);
        for (int group = 0; group < 16; group++)
        {
            (int half, int plane, int side) = (group >> 3, (group >> 1) & 3, group & 1);
            Vector128<byte> low = QuantVector.Field(QuantVector.Load(block, 32 + 32 * half + 16 * side), 2 * plane, 3);
            Vector128<byte> high = QuantVector.Field(QuantVector.Load(block, 16 * side), 4 * half + plane, 1);
            Vector128<byte> q = low | (high.AsUInt16() << 2).AsByte();
            QuantVector.Scale(q.AsSByte() - Vector128.Create((sbyte)4), d * (Scale(scales, group) - 32), values[(16 * group)..]);
        }
    }

    /// <summary>Low four bits: nibble group/8 of byte group%8; high two: field group/4 of byte 8 + group%4.</summary>
    private static int Scale(ReadOnlySpan<byte> scales, int group) =>
        ((scales[group & 7] >> (4 * (group >> 3))) & 15) | (((scales[8 + (group & 3)] >> (2 * (group >> 2))) & 3) << 4);
}
