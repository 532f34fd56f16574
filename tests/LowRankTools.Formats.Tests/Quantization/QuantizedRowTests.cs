using System.Buffers.Binary;
using LowRankTools.Formats.Conversion;
using LowRankTools.Formats.Quantization;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Tests.Quantization;

public sealed class QuantizedRowTests
{
    private const int Columns = 96;

    public static TheoryData<WeightQuantization> Kinds => [.. Enum.GetValues<WeightQuantization>()];

    private static float[] Random(int seed, float scale)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, Columns).Select(_ => (random.NextSingle() - 0.5f) * scale)];
    }

    private static (byte[] Levels, byte[] Scales, float[] Stored) Round(WeightQuantization kind, float[] values)
    {
        byte[] levels = new byte[QuantizedLayout.LevelBytes(kind, values.Length)], scales = new byte[QuantizedLayout.ScaleBytes(kind, values.Length)];
        float[] stored = new float[values.Length];
        QuantizedRow.Encode(kind, values, levels, scales);
        QuantizedRow.Decode(kind, levels, scales, stored);
        return (levels, scales, stored);
    }

    private static float Step(WeightQuantization kind, byte[] scales, int i) => MathF.Abs(kind == WeightQuantization.Int8
        ? BinaryPrimitives.ReadSingleLittleEndian(scales) : (float)BinaryPrimitives.ReadHalfLittleEndian(scales.AsSpan(i / 32 * 2)));

    [Theory, MemberData(nameof(Kinds))]
    public void No_value_is_further_from_its_level_than_its_kind_allows(WeightQuantization kind)
    {
        // Four bits cut the side away from the largest value: a whole step there, half of one elsewhere.
        double most = kind == WeightQuantization.Q4_0 ? 1 : 0.5;
        for (int seed = 0; seed < 200; seed++)
        {
            float[] values = Random(seed, MathF.Pow(10, seed % 6 - 2));
            (_, byte[] scales, float[] stored) = Round(kind, values);
            for (int i = 0; i < Columns; i++)
                Assert.True(Math.Abs(values[i] - stored[i]) <= most * Step(kind, scales, i) * (1 + 1e-2), $"seed {seed}, value {i}");
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Zeros_and_the_smallest_numbers_have_levels(WeightQuantization kind)
    {
        Assert.All(Round(kind, new float[Columns]).Stored, v => Assert.Equal(0, v));
        Assert.All(Round(kind, [.. Enumerable.Repeat(float.Epsilon, Columns)]).Stored, v => Assert.InRange(Math.Abs(v), 0, 2 * float.Epsilon));
    }

    [Theory, InlineData(WeightQuantization.Q8_0), InlineData(WeightQuantization.Q4_0)]
    public void Blocks_of_GGUF_hold_the_same_values(WeightQuantization kind)
    {
        float[] values = Random(5, 3), decoded = new float[Columns];
        (byte[] levels, byte[] scales, float[] stored) = Round(kind, values);
        TensorDType type = QuantizedLayout.BlockType(kind)!.Value;
        byte[] blocks = new byte[type.ByteLength(Columns)], direct = new byte[blocks.Length];
        QuantizedRow.ToBlocks(kind, levels, scales, blocks);
        TensorConversion.FromSingle(type, values, direct);
        TensorConversion.ToSingle(type, blocks, decoded, "");
        Assert.Equal(direct, blocks);
        Assert.Equal(stored, decoded);
    }

    [Fact]
    public void Four_bits_are_packed_as_compressed_tensors_packs_them()
    {
        float[] values = Random(6, 2);
        (byte[] levels, byte[] scales, float[] stored) = Round(WeightQuantization.Q4_0, values);
        for (int j = 0; j < Columns; j++)
        {
            int level = (int)(BinaryPrimitives.ReadUInt32LittleEndian(levels.AsSpan(j / 8 * 4)) >> (4 * (j % 8)) & 15) - 8;
            Assert.Equal(stored[j], level * (float)BinaryPrimitives.ReadHalfLittleEndian(scales.AsSpan(j / 32 * 2)));
        }
    }
}
