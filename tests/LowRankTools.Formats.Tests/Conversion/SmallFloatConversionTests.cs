using LowRankTools.Formats.Conversion;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Tests.Conversion;

/// <summary>Every code of every type of at most eight bits, against the definitions of the OCP specifications.</summary>
public sealed class SmallFloatConversionTests
{
    [Theory]
    [InlineData(TensorDType.F8_E5M2, 8, 2, 15)]
    [InlineData(TensorDType.F8_E4M3, 8, 3, 7)]
    [InlineData(TensorDType.F8_E5M2FNUZ, 8, 2, 16)]
    [InlineData(TensorDType.F8_E4M3FNUZ, 8, 3, 8)]
    [InlineData(TensorDType.F6_E2M3, 6, 3, 1)]
    [InlineData(TensorDType.F6_E3M2, 6, 2, 3)]
    [InlineData(TensorDType.F4, 4, 1, 1)]
    public void Every_code_has_its_value(TensorDType dtype, int bits, int mantissaBits, int bias)
    {
        float[] values = Decode(dtype, bits);
        for (int code = 0; code < values.Length; code++)
        {
            int magnitude = code & ((1 << (bits - 1)) - 1);
            double expected = Special(dtype, code) ?? Math.CopySign(Magnitude(magnitude, mantissaBits, bias), magnitude == code ? 1 : -1);
            Assert.Equal(expected, values[code]);
        }
    }

    [Theory]
    [InlineData(TensorDType.F8_E5M2, 0x7B, 57_344)]
    [InlineData(TensorDType.F8_E4M3, 0x7E, 448)]
    [InlineData(TensorDType.F8_E5M2FNUZ, 0x7F, 57_344)]
    [InlineData(TensorDType.F8_E4M3FNUZ, 0x7F, 240)]
    [InlineData(TensorDType.F6_E2M3, 0x1F, 7.5)]
    [InlineData(TensorDType.F6_E3M2, 0x1F, 28)]
    [InlineData(TensorDType.F4, 0x07, 6)]
    public void The_greatest_number_is_the_published_one(TensorDType dtype, int code, double greatest)
    {
        float[] values = Decode(dtype, dtype switch { TensorDType.F4 => 4, TensorDType.F6_E2M3 or TensorDType.F6_E3M2 => 6, _ => 8 });
        Assert.Equal(greatest, values[code]);
        Assert.Equal(greatest, values.Where(float.IsFinite).Max());
    }

    [Fact]
    public void A_scale_is_a_power_of_two()
    {
        float[] values = Decode(TensorDType.F8_E8M0, 8);
        for (int code = 0; code < 255; code++)
            Assert.Equal(Math.Pow(2, code - 127), values[code]);
        Assert.True(float.IsNaN(values[255]));
    }

    [Fact]
    public void Halves_of_a_byte_are_read_low_first()
    {
        Assert.Equal(Enumerable.Range(0, 16).Select(i => (float)i), Decode(TensorDType.U4, 4));
        Assert.Equal(Enumerable.Range(0, 16).Select(i => (float)(i < 8 ? i : i - 16)), Decode(TensorDType.I4, 4));
    }

    [Fact]
    public void Every_float_of_eight_bits_with_five_exponent_bits_is_the_upper_half_of_a_half()
    {
        float[] values = Decode(TensorDType.F8_E5M2, 8);
        for (int code = 0; code < 256; code++)
            Assert.Equal((float)BitConverter.UInt16BitsToHalf((ushort)(code << 8)), values[code]);
    }

    [Fact]
    public void Integers_and_doubles_round_to_nearest()
    {
        Assert.Equal([16_777_216f, 16_777_220f, -1f], Convert(TensorDType.I32, BitConverter.GetBytes(16_777_217), BitConverter.GetBytes(16_777_219), BitConverter.GetBytes(-1)));
        Assert.Equal([4_294_967_296f], Convert(TensorDType.U32, BitConverter.GetBytes(uint.MaxValue)));
        Assert.Equal([-9_223_372_036_854_775_808f], Convert(TensorDType.I64, BitConverter.GetBytes(long.MinValue)));
        Assert.Equal([18_446_744_073_709_551_616f], Convert(TensorDType.U64, BitConverter.GetBytes(ulong.MaxValue)));
        Assert.Equal([-32_768f], Convert(TensorDType.I16, BitConverter.GetBytes(short.MinValue)));
        Assert.Equal([65_535f], Convert(TensorDType.U16, BitConverter.GetBytes(ushort.MaxValue)));
        Assert.Equal([-128f, 127f], Convert(TensorDType.I8, [0x80], [0x7F]));
        Assert.Equal([0f, 1f, 255f], Convert(TensorDType.U8, [0], [1], [255]));
        Assert.Equal([0f, 1f], Convert(TensorDType.BOOL, [0], [1]));
        Assert.Equal([0.1f, float.PositiveInfinity], Convert(TensorDType.F64, BitConverter.GetBytes(0.1), BitConverter.GetBytes(1e300)));
    }

    [Fact]
    public void Packed_types_end_inside_a_byte_at_any_length()
    {
        foreach ((TensorDType dtype, int bits) in new[] { (TensorDType.F4, 4), (TensorDType.F6_E2M3, 6), (TensorDType.F6_E3M2, 6) })
        {
            float[] all = Decode(dtype, bits);
            byte[] packed = Pack(Enumerable.Range(0, all.Length), bits);
            for (int length = 0; length <= all.Length; length++)
            {
                float[] part = new float[length];
                TensorConversion.ToSingle(dtype, packed.AsSpan(0, (int)dtype.ByteLength(length)), part, "t");
                Assert.Equal(all[..length], part);
            }
        }
    }

    private static double Magnitude(int code, int mantissaBits, int bias)
    {
        int exponent = code >> mantissaBits;
        int mantissa = code & ((1 << mantissaBits) - 1);
        double fraction = mantissa / (double)(1 << mantissaBits);
        return exponent == 0 ? fraction * Math.Pow(2, 1 - bias) : (1 + fraction) * Math.Pow(2, exponent - bias);
    }

    private static double? Special(TensorDType dtype, int code) => (dtype, code) switch
    {
        (TensorDType.F8_E5M2, 0x7C) => double.PositiveInfinity,
        (TensorDType.F8_E5M2, 0xFC) => double.NegativeInfinity,
        (TensorDType.F8_E5M2, (> 0x7C and < 0x80) or > 0xFC) => double.NaN,
        (TensorDType.F8_E4M3, 0x7F or 0xFF) => double.NaN,
        (TensorDType.F8_E5M2FNUZ or TensorDType.F8_E4M3FNUZ, 0x80) => double.NaN,
        _ => null,
    };

    private static float[] Decode(TensorDType dtype, int bits)
    {
        float[] values = new float[1 << bits];
        TensorConversion.ToSingle(dtype, Pack(Enumerable.Range(0, values.Length), bits), values, "t");
        return values;
    }

    /// <summary>Codes one after another, first in the lowest bits.</summary>
    private static byte[] Pack(IEnumerable<int> codes, int bits)
    {
        List<byte> bytes = [];
        int held = 0, count = 0;
        foreach (int code in codes)
        {
            held |= code << count;
            for (count += bits; count >= 8; count -= 8, held >>= 8)
                bytes.Add((byte)held);
        }
        return [.. bytes];
    }

    private static float[] Convert(TensorDType dtype, params byte[][] elements)
    {
        float[] values = new float[elements.Length];
        TensorConversion.ToSingle(dtype, elements.SelectMany(e => e).ToArray(), values, "t");
        return values;
    }
}
