using System.Buffers.Binary;
using System.Runtime.Intrinsics;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Gguf.Quants;

/// <summary>
/// Super-blocks of 256 in sixteen groups of 16: low nibbles (128), top two bits (64), signed scales (16), d (2):
/// (q - 32) (d s). In each half of 128, row j of 32 elements has its nibbles in bytes 32 (j%2) on, low for j below 2,
/// and its top bits in field j of the 32 bytes of that half.
/// </summary>
internal readonly struct Q6_K : IBlockQuant
{
    public static TensorDType DType => TensorDType.Q6_K;

    public static void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        float d = QuantVector.Half(block[208..]);
        for (int group = 0; group < 16; group++)
        {
            (int half, int row, int side) = (group >> 3, (group >> 1) & 3, group & 1);
            Vector128<byte> low = QuantVector.Field(QuantVector.Load(block, 64 * half + 32 * (row & 1) + 16 * side), 4 * (row >> 1), 15);
            Vector128<byte> top = QuantVector.Field(QuantVector.Load(block, 128 + 32 * half + 16 * side), 2 * row, 3);
            Vector128<byte> q = low | (top.AsUInt16() << 4).AsByte();
            QuantVector.Scale(q.AsSByte() - Vector128.Create((sbyte)32), d * (sbyte)block[192 + group], values[(16 * group)..]);
        }
    }
}

/// <summary>Super-blocks of 256: d as binary32 (4), signed bytes (256), sums of sixteen (32) that decoding does not need: q d.</summary>
internal readonly struct Q8_K : IBlockQuant
{
    public static TensorDType DType => TensorDType.Q8_K;

    public static void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        float d = BinaryPrimitives.ReadSingleLittleEndian(block);
        for (int i = 0; i < 256; i += QuantVector.Width)
            QuantVector.Scale(QuantVector.Load(block, 4 + i).AsSByte(), d, values[i..]);
    }
}
