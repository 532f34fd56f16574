using System.Buffers.Binary;
using LowRankTools.Formats.Conversion;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Tests.Gguf;

/// <summary>Q8_0 as it is written: no value is further than half a step from its level, whatever the block.</summary>
public sealed class Q8EncodingTests
{
    private const int Block = 32, Bytes = 34;

    [Theory]
    [InlineData(1.0)]
    [InlineData(3e-4)]
    [InlineData(60_000.0)]
    [InlineData(127 * 6e-5)]   // d among the smallest normal halves
    [InlineData(127 * 3e-7)]   // d a subnormal half of a few bits
    [InlineData(127 * 1e-8)]   // d below the smallest half
    public void No_value_is_further_than_half_a_step_from_its_level(double scale)
    {
        Random random = new(7);
        float[] values = [.. Enumerable.Range(0, Block * 200).Select(_ => (float)((2 * random.NextDouble() - 1) * scale * Math.Pow(random.NextDouble(), 3)))];
        byte[] bytes = new byte[values.Length / Block * Bytes];
        TensorConversion.FromSingle(TensorDType.Q8_0, values, bytes);
        float[] read = new float[values.Length];
        TensorConversion.ToSingle(TensorDType.Q8_0, bytes, read, "x");
        for (int i = 0; i < values.Length; i++)
        {
            float d = (float)BinaryPrimitives.ReadHalfLittleEndian(bytes.AsSpan(i / Block * Bytes));
            sbyte q = (sbyte)bytes[i / Block * Bytes + 2 + i % Block];
            Assert.Equal(q * d, read[i]);
            Assert.InRange(Math.Abs((double)values[i] - (double)q * d), 0, d * 0.500_01);
            // d itself is the largest magnitude over 127, within what a half can say.
            float most = values.Skip(i / Block * Block).Take(Block).Max(Math.Abs);
            Assert.InRange(d, most / 127.5, most / 127 * (1 + 1.0 / 1024) + 6e-8);
        }
    }

    [Fact]
    public void Levels_stay_what_they_are()
    {
        // Every level of a block whose scale is a half: written again it has the same bytes.
        byte[] bytes = new byte[8 * Bytes];
        for (int block = 0; block < 8; block++)
        {
            BinaryPrimitives.WriteHalfLittleEndian(bytes.AsSpan(block * Bytes), (Half)(0.01 * (block + 1)));
            for (int i = 0; i < Block; i++)
                bytes[block * Bytes + 2 + i] = (byte)(sbyte)(i == 0 ? 127 : block * 32 + i - 128);
        }
        float[] values = new float[8 * Block];
        TensorConversion.ToSingle(TensorDType.Q8_0, bytes, values, "x");
        byte[] again = new byte[bytes.Length];
        TensorConversion.FromSingle(TensorDType.Q8_0, values, again);
        Assert.Equal(bytes, again);
    }

    [Fact]
    public void Zeros_are_zeros_and_what_is_no_number_stays_none()
    {
        float[] values = new float[3 * Block], read = new float[3 * Block];
        values[Block + 5] = float.NaN;
        values[2 * Block + 6] = float.NegativeInfinity;
        byte[] bytes = new byte[3 * Bytes];
        TensorConversion.FromSingle(TensorDType.Q8_0, values, bytes);
        TensorConversion.ToSingle(TensorDType.Q8_0, bytes, read, "x");
        Assert.All(read[..Block], v => Assert.Equal(0, v));
        Assert.All(read[Block..], v => Assert.True(float.IsNaN(v)));
    }

    [Fact]
    public void Parts_of_blocks_are_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => TensorConversion.FromSingle(TensorDType.Q8_0, new float[33], new byte[68]));
}
