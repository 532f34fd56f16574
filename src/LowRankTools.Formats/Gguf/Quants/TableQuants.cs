using System.Buffers.Binary;
using System.Runtime.Intrinsics;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Gguf.Quants;

// Nibbles that are indices of sixteen uneven levels. In every 32 elements, byte i holds element i low and i + 16 high.

/// <summary>Blocks of 32: d (2), nibbles (16): level[q] d.</summary>
internal readonly struct IQ4_NL : IBlockQuant
{
    /// <summary>Levels that fit normally distributed weights, as the format fixes them.</summary>
    internal static Vector128<sbyte> Levels =>
        Vector128.Create((sbyte)-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);

    public static TensorDType DType => TensorDType.IQ4_NL;

    public static void Decode(ReadOnlySpan<byte> block, Span<float> values) =>
        Pair(QuantVector.Load(block, 2), Levels, QuantVector.Half(block), values);

    /// <summary>Decodes 32 elements from 16 bytes.</summary>
    internal static void Pair(Vector128<byte> q, Vector128<sbyte> levels, float scale, Span<float> values)
    {
        QuantVector.Scale(Vector128.Shuffle(levels, QuantVector.LowNibbles(q).AsSByte()), scale, values);
        QuantVector.Scale(Vector128.Shuffle(levels, QuantVector.HighNibbles(q).AsSByte()), scale, values[16..]);
    }
}

/// <summary>
/// Super-blocks of 256 in eight groups of 32: d (2), top two bits of the scales (2), their low nibbles (4), nibbles (128):
/// level[q] (d (s - 32)).
/// </summary>
internal readonly struct IQ4_XS : IBlockQuant
{
    public static TensorDType DType => TensorDType.IQ4_XS;

    public static void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        float d = QuantVector.Half(block);
        int top = BinaryPrimitives.ReadUInt16LittleEndian(block[2..]);
        for (int group = 0; group < 8; group++)
        {
            int scale = ((block[4 + (group >> 1)] >> (4 * (group & 1))) & 15) | (((top >> (2 * group)) & 3) << 4);
            IQ4_NL.Pair(QuantVector.Load(block, 8 + 16 * group), IQ4_NL.Levels, d * (scale - 32), values[(32 * group)..]);
        }
    }
}

/// <summary>
/// Blocks of 32: exponent (1), nibbles (16). The levels are those of the 4-bit OCP float doubled, so that they are
/// whole, and the scale 2^(e-127) is halved.
/// </summary>
internal readonly struct MXFP4 : IBlockQuant
{
    public static TensorDType DType => TensorDType.MXFP4;

    public static void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        Vector128<sbyte> doubled = Vector128.Create((sbyte)0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);
        IQ4_NL.Pair(QuantVector.Load(block, 1), doubled, HalfScale(block[0]), values);
    }

    /// <summary>2^(e-128); the two smallest are subnormal in binary32.</summary>
    private static float HalfScale(byte exponent) =>
        BitConverter.UInt32BitsToSingle(exponent < 2 ? 0x0020_0000u << exponent : (uint)(exponent - 1) << 23);
}
