using System.Buffers.Binary;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Gguf.Quants;

/// <summary>
/// Rounds to Q8_0: blocks of 32 with d, a binary16, and q_i in -127..127. d is the largest magnitude over 127, rounded to
/// binary16 and, where that leaves the largest value more than half a step outside, up; so |x_i - q_i d| is at most d / 2
/// (and what float32 rounds in the quotient) for every finite block whose d binary16 can hold.
/// </summary>
internal static class Q8Encoder
{
    private const int MostLevel = 127;

    /// <summary>Encodes whole blocks. A block with NaN or infinity gets d NaN: all of it is NaN then.</summary>
    public static void Encode(ReadOnlySpan<float> source, Span<byte> destination)
    {
        int elements = TensorDType.Q8_0.BlockElements(), bytes = TensorDType.Q8_0.BlockBytes();
        ArgumentOutOfRangeException.ThrowIfNotEqual(source.Length % elements, 0, nameof(source));
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, source.Length / elements * bytes);
        for (; source.Length > 0; source = source[elements..], destination = destination[bytes..])
            EncodeBlock(source[..elements], destination[..bytes]);
    }

    private static void EncodeBlock(ReadOnlySpan<float> values, Span<byte> block)
    {
        float most = 0;
        foreach (float value in values)
            most = MathF.Max(most, MathF.Abs(value)); // NaN wins over numbers
        Half d = float.IsFinite(most) ? (Half)(most / MostLevel) : Half.NaN;
        if (most > (MostLevel + 0.5f) * (float)d)
            d = Half.BitIncrement(d);
        BinaryPrimitives.WriteHalfLittleEndian(block, d);
        float step = (float)d;
        for (int i = 0; i < values.Length; i++)
            block[2 + i] = step > 0 ? unchecked((byte)(sbyte)Math.Clamp(MathF.Round(values[i] / step), -MostLevel, MostLevel)) : (byte)0;
    }
}
