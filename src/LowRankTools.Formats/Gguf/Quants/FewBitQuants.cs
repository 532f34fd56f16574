using System.Buffers.Binary;
using System.Runtime.Intrinsics;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Gguf.Quants;

// One, two, or log2(3) bits an element: signs, and levels around zero.

/// <summary>Blocks of 128: d (2), sign bits (16): d where the bit is set, else -d.</summary>
internal readonly struct Q1_0 : IBlockQuant
{
    public static TensorDType DType => TensorDType.Q1_0;

    public static void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        float d = QuantVector.Half(block);
        for (int i = 0; i < 128; i += QuantVector.Width)
        {
            Vector128<byte> twice = QuantVector.Spread(BinaryPrimitives.ReadUInt16LittleEndian(block[(2 + i / 8)..]), 2);
            QuantVector.Scale(twice.AsSByte() - Vector128<sbyte>.One, d, values[i..]);
        }
    }
}

/// <summary>Blocks of 64: d (2), two-bit quants (16), four neighbours a byte, lowest first: (q - 1) d.</summary>
internal readonly struct Q2_0 : IBlockQuant
{
    public static TensorDType DType => TensorDType.Q2_0;

    public static void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        float d = QuantVector.Half(block);
        for (int i = 0; i < 64; i++)
            values[i] = (((block[2 + (i >> 2)] >> (2 * (i & 3))) & 3) - 1) * d;
    }
}

/// <summary>Super-blocks of 256: two-bit quants (64), d (2): (q - 1) d. Field j of byte i, in halves of 32 bytes, is element 32 j + i.</summary>
internal readonly struct TQ2_0 : IBlockQuant
{
    public static TensorDType DType => TensorDType.TQ2_0;

    public static void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        float d = QuantVector.Half(block[64..]);
        for (int group = 0; group < 16; group++)
        {
            (int half, int plane, int side) = (group >> 3, (group >> 1) & 3, group & 1);
            Vector128<byte> q = QuantVector.Field(QuantVector.Load(block, 32 * half + 16 * side), 2 * plane, 3);
            QuantVector.Scale(q.AsSByte() - Vector128<sbyte>.One, d, values[(16 * group)..]);
        }
    }
}

/// <summary>
/// Super-blocks of 256 ternary digits: five digits a byte (48), four a byte (4), d (2): (digit - 1) d. A byte is a
/// fraction of 256: multiplied by a power of three modulo 256, its next digit is the whole part of three times it.
/// </summary>
internal readonly struct TQ1_0 : IBlockQuant
{
    public static TensorDType DType => TensorDType.TQ1_0;

    public static void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        float d = QuantVector.Half(block[52..]);
        Digits(block[..32], 5, d, values[..160]);
        Digits(block.Slice(32, 16), 5, d, values.Slice(160, 80));
        Digits(block.Slice(48, 4), 4, d, values.Slice(240, 16));
    }

    /// <summary>Digit n of byte i is element n * bytes + i.</summary>
    private static void Digits(ReadOnlySpan<byte> bytes, int digits, float d, Span<float> values)
    {
        byte power = 1;
        for (int n = 0; n < digits; n++, power *= 3)
        {
            for (int i = 0; i < bytes.Length; i++)
                values[n * bytes.Length + i] = ((((byte)(bytes[i] * power) * 3) >> 8) - 1) * d;
        }
    }
}
