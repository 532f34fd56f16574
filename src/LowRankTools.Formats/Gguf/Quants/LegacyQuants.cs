using System.Buffers.Binary;
using System.Runtime.Intrinsics;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Gguf.Quants;

// Blocks of 32 with one scale d, and a minimum m where the name ends in 1. Element i of the first half lies in the
// low nibble of byte i, element i + 16 in the high nibble of the same byte; fifth bits stand apart, bit i for element i.

/// <summary>d (2), 16 bytes of nibbles: (q - 8) d.</summary>
internal readonly struct Q4_0 : IBlockQuant
{
    public static TensorDType DType => TensorDType.Q4_0;

    public static void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        float d = QuantVector.Half(block);
        Vector128<byte> q = QuantVector.Load(block, 2);
        Vector128<sbyte> zero = Vector128.Create((sbyte)8);
        QuantVector.Scale(QuantVector.LowNibbles(q).AsSByte() - zero, d, values);
        QuantVector.Scale(QuantVector.HighNibbles(q).AsSByte() - zero, d, values[16..]);
    }
}

/// <summary>d (2), m (2), 16 bytes of nibbles: q d + m.</summary>
internal readonly struct Q4_1 : IBlockQuant
{
    public static TensorDType DType => TensorDType.Q4_1;

    public static void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        float d = QuantVector.Half(block);
        float m = QuantVector.Half(block[2..]);
        Vector128<byte> q = QuantVector.Load(block, 4);
        QuantVector.ScaleAndShift(QuantVector.LowNibbles(q), d, m, values);
        QuantVector.ScaleAndShift(QuantVector.HighNibbles(q), d, m, values[16..]);
    }
}

/// <summary>d (2), fifth bits (4), 16 bytes of nibbles: (q - 16) d.</summary>
internal readonly struct Q5_0 : IBlockQuant
{
    public static TensorDType DType => TensorDType.Q5_0;

    public static void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        float d = QuantVector.Half(block);
        uint fifth = BinaryPrimitives.ReadUInt32LittleEndian(block[2..]);
        Vector128<byte> q = QuantVector.Load(block, 6);
        Vector128<sbyte> zero = Vector128.Create((sbyte)16);
        Vector128<byte> low = QuantVector.LowNibbles(q) | QuantVector.Spread((ushort)fifth, 16);
        Vector128<byte> high = QuantVector.HighNibbles(q) | QuantVector.Spread((ushort)(fifth >> 16), 16);
        QuantVector.Scale(low.AsSByte() - zero, d, values);
        QuantVector.Scale(high.AsSByte() - zero, d, values[16..]);
    }
}

/// <summary>d (2), m (2), fifth bits (4), 16 bytes of nibbles: q d + m.</summary>
internal readonly struct Q5_1 : IBlockQuant
{
    public static TensorDType DType => TensorDType.Q5_1;

    public static void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        float d = QuantVector.Half(block);
        float m = QuantVector.Half(block[2..]);
        uint fifth = BinaryPrimitives.ReadUInt32LittleEndian(block[4..]);
        Vector128<byte> q = QuantVector.Load(block, 8);
        QuantVector.ScaleAndShift(QuantVector.LowNibbles(q) | QuantVector.Spread((ushort)fifth, 16), d, m, values);
        QuantVector.ScaleAndShift(QuantVector.HighNibbles(q) | QuantVector.Spread((ushort)(fifth >> 16), 16), d, m, values[16..]);
    }
}

/// <summary>d (2), 32 signed bytes: q d.</summary>
internal readonly struct Q8_0 : IBlockQuant
{
    public static TensorDType DType => TensorDType.Q8_0;

    public static void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        float d = QuantVector.Half(block);
        QuantVector.Scale(QuantVector.Load(block, 2).AsSByte(), d, values);
        QuantVector.Scale(QuantVector.Load(block, 18).AsSByte(), d, values[16..]);
    }
}
