using System.Buffers.Binary;
using System.Runtime.InteropServices;
using LowRankTools.Formats.Conversion;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Quantization;

/// <summary>
/// Rounds one row to the levels of a <see cref="WeightQuantization"/>. A scale is the largest magnitude over the largest level, so that
/// no value is further than half a step from its level; of Q4_0 it maps the largest magnitude to -8, and values near the
/// largest one of the other sign lose up to a whole step, as in ggml.
/// </summary>
public static class QuantizedRow
{
    private const int Block = 32, HalfBytes = 2, MostLevel = 127;

    /// <summary>Rounds a row.</summary>
    /// <param name="kind">To what.</param>
    /// <param name="values">Finite values, a multiple of <see cref="QuantizedLayout.RowMultiple"/>.</param>
    /// <param name="levels">Gets the levels as safetensors has them.</param>
    /// <param name="scales">Gets the scales.</param>
    public static void Encode(WeightQuantization kind, ReadOnlySpan<float> values, Span<byte> levels, Span<byte> scales)
    {
        if (kind == WeightQuantization.Int8)
        {
            EncodeChannel(values, levels, scales);
            return;
        }
        TensorDType type = QuantizedLayout.BlockType(kind)!.Value;
        Span<byte> block = stackalloc byte[type.BlockBytes()];
        for (int b = 0; b < values.Length / Block; b++)
        {
            TensorConversion.FromSingle(type, values.Slice(b * Block, Block), block);
            block[..HalfBytes].CopyTo(scales[(b * HalfBytes)..]);
            if (kind == WeightQuantization.Q8_0)
                block[HalfBytes..].CopyTo(levels[(b * Block)..]);
            else
                Sort(block[HalfBytes..], levels.Slice(b * Block / 2, Block / 2));
        }
    }

    /// <summary>The values that will be read back.</summary>
    public static void Decode(WeightQuantization kind, ReadOnlySpan<byte> levels, ReadOnlySpan<byte> scales, Span<float> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = kind switch
            {
                WeightQuantization.Int8 => (sbyte)levels[i] * BinaryPrimitives.ReadSingleLittleEndian(scales),
                WeightQuantization.Q8_0 => (sbyte)levels[i] * (float)BinaryPrimitives.ReadHalfLittleEndian(scales[(i / Block * HalfBytes)..]),
                _ => ((levels[i / 2] >> (4 * (i & 1)) & 15) - 8) * (float)BinaryPrimitives.ReadHalfLittleEndian(scales[(i / Block * HalfBytes)..]),
            };
        }
    }

    /// <summary>A row as GGUF's blocks.</summary>
    /// <param name="kind">Q8_0 or Q4_0.</param>
    /// <param name="levels">Levels.</param>
    /// <param name="scales">Scales.</param>
    /// <param name="blocks">Gets the blocks.</param>
    public static void ToBlocks(WeightQuantization kind, ReadOnlySpan<byte> levels, ReadOnlySpan<byte> scales, Span<byte> blocks)
    {
        int levelBytes = kind == WeightQuantization.Q4_0 ? Block / 2 : Block;
        for (; levels.Length > 0; levels = levels[levelBytes..], scales = scales[HalfBytes..], blocks = blocks[(HalfBytes + levelBytes)..])
        {
            scales[..HalfBytes].CopyTo(blocks);
            if (kind == WeightQuantization.Q8_0)
                levels[..levelBytes].CopyTo(blocks[HalfBytes..]);
            else
                Split(levels[..levelBytes], blocks.Slice(HalfBytes, levelBytes));
        }
    }

    private static void EncodeChannel(ReadOnlySpan<float> values, Span<byte> levels, Span<byte> scales)
    {
        float most = 0;
        foreach (float value in values)
            most = MathF.Max(most, MathF.Abs(value));
        // The smallest numbers have no quotient of their own: there the step is as small as steps get.
        float scale = most == 0 ? 0 : MathF.Max(most / MostLevel, float.Epsilon);
        BinaryPrimitives.WriteSingleLittleEndian(scales, scale);
        Span<sbyte> signed = MemoryMarshal.Cast<byte, sbyte>(levels);
        for (int i = 0; i < values.Length; i++)
            signed[i] = scale == 0 ? (sbyte)0 : (sbyte)Math.Clamp(MathF.Round(values[i] / scale), -MostLevel, MostLevel);
    }

    /// <summary>Nibbles of a block (i and i + 16 in one byte) in the order of the row.</summary>
    private static void Sort(ReadOnlySpan<byte> block, Span<byte> levels)
    {
        for (int i = 0; i < Block / 2; i++)
            levels[i] = (byte)(Nibble(block, 2 * i) | Nibble(block, 2 * i + 1) << 4);
    }

    private static int Nibble(ReadOnlySpan<byte> block, int i) => i < Block / 2 ? block[i] & 15 : block[i - Block / 2] >> 4;

    private static void Split(ReadOnlySpan<byte> levels, Span<byte> block)
    {
        for (int i = 0; i < Block / 2; i++)
            block[i] = (byte)(levels[i / 2] >> (4 * (i & 1)) & 15 | (levels[(i + Block / 2) / 2] >> (4 * (i & 1)) & 15) << 4);
    }
}
