using System.Buffers.Binary;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Gguf.Quants;

/// <summary>
/// Rounds to Q4_0: blocks of 32 with d, a binary16, and q_i in 0..15 that stand for (q_i - 8) d. d maps the value of the largest magnitude
/// to -8, so values of the other sign beyond 7.5 steps are cut to 7: they lose up to one step, all others half of one.
/// </summary>
internal static class Q4Encoder
{
    private const int Zero = 8, MostLevel = 15;

    /// <summary>Encodes whole blocks. A block with NaN or infinity gets d NaN: all of it is NaN then.</summary>
    public static void Encode(ReadOnlySpan<float> source, Span<byte> destination)
    {
        int elements = TensorDType.Q4_0.BlockElements(), bytes = TensorDType.Q4_0.BlockBytes();
        ArgumentOutOfRangeException.ThrowIfNotEqual(source.Length % elements, 0, nameof(source));
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, source.Length / elements * bytes);
        for (; source.Length > 0; source = source[elements..], destination = destination[bytes..])
            EncodeBlock(source[..elements], destination[..bytes]);
    }

    private static void EncodeBlock(ReadOnlySpan<float> values, Span<byte> block)
    {
        float most = 0;
        bool finite = true;
        foreach (float value in values)
        {
            finite &= float.IsFinite(value);
            if (MathF.Abs(value) > MathF.Abs(most))
                most = value;
        }
        Half d = finite ? (Half)(most / -Zero) : Half.NaN;
        BinaryPrimitives.WriteHalfLittleEndian(block, d);
        float step = (float)d;
        int half = values.Length / 2;
        for (int i = 0; i < half; i++)
            block[2 + i] = (byte)(Level(values[i], step) | Level(values[i + half], step) << 4);
    }

    private static int Level(float value, float step) =>
        step != 0 && float.IsFinite(step) ? (int)Math.Clamp(MathF.Round(value / step) + Zero, 0, MostLevel) : Zero;
}
