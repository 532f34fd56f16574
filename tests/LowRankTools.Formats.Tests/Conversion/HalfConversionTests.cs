using System.Runtime.InteropServices;
using LowRankTools.Formats.Conversion;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Tests.Conversion;

/// <summary>The 16-bit floats against their definitions, for every pattern, every length and every tie.</summary>
public sealed class HalfConversionTests
{
    private static readonly ushort[] s_all = [.. Enumerable.Range(0, 65_536).Select(i => (ushort)i)];

    [Fact]
    public void Every_half_widens_to_its_value()
    {
        float[] widened = Widen(TensorDType.F16, s_all);
        for (int code = 0; code < s_all.Length; code++)
        {
            int exponent = (code >> 10) & 31;
            int mantissa = code & 1023;
            double magnitude = exponent == 0 ? Math.ScaleB(mantissa, -24) : Math.ScaleB(1024 + mantissa, exponent - 25);
            if (exponent == 31)
                magnitude = mantissa == 0 ? double.PositiveInfinity : double.NaN;
            Assert.Equal(code < 0x8000 ? magnitude : -magnitude, widened[code]);
            Assert.Equal(code >= 0x8000, float.IsNegative(widened[code]));
            Assert.Equal(Canonical((float)BitConverter.UInt16BitsToHalf((ushort)code)), Canonical(widened[code]));
        }
    }

    [Fact]
    public void Every_brain_float_is_the_upper_half_of_its_value()
    {
        float[] widened = Widen(TensorDType.BF16, s_all);
        for (int code = 0; code < s_all.Length; code++)
            Assert.Equal((uint)code << 16, BitConverter.SingleToUInt32Bits(widened[code]));
    }

    [Theory]
    [InlineData(TensorDType.F16)]
    [InlineData(TensorDType.BF16)]
    public void Every_pattern_survives_the_way_there_and_back(TensorDType dtype)
    {
        ushort[] back = Narrow(dtype, Widen(dtype, s_all));
        for (int code = 0; code < s_all.Length; code++)
        {
            // A signalling NaN comes back quiet; every number comes back itself.
            bool nan = dtype == TensorDType.F16 ? (code & 0x7FFF) > 0x7C00 : (code & 0x7FFF) > 0x7F80;
            int quiet = dtype == TensorDType.F16 ? 0x200 : 0x40;
            Assert.Equal(nan ? code | quiet : code, back[code]);
        }
    }

    [Theory]
    [InlineData(TensorDType.F16)]
    [InlineData(TensorDType.BF16)]
    public void Between_two_neighbours_the_nearer_is_taken_and_ties_go_to_even(TensorDType dtype)
    {
        // Positive patterns up to the last finite one; its upper neighbour is infinity, as if the range went on.
        int last = dtype == TensorDType.F16 ? 0x7BFF : 0x7F7F;
        List<float> inputs = [];
        List<ushort> expected = [];
        for (int code = 0; code <= last; code++)
        {
            double low = Value(dtype, code);
            double middle = low + (Beyond(dtype, code + 1) - low) / 2;
            float tie = (float)middle;
            Assert.Equal(middle, tie);
            ushort even = (ushort)((code & 1) == 0 ? code : code + 1);
            foreach ((float input, int nearest) in new[] { (MathF.BitDecrement(tie), code), (tie, even), (MathF.BitIncrement(tie), code + 1) })
            {
                inputs.AddRange([input, -input]);
                expected.AddRange([(ushort)nearest, (ushort)(nearest | 0x8000)]);
            }
        }
        Assert.True(inputs.Count > 6 * 30_000);
        Assert.Equal(expected, Narrow(dtype, [.. inputs]));
    }

    [Fact]
    public void Random_floats_round_as_the_runtime_rounds_them()
    {
        Random random = new(5);
        float[] values = [.. Enumerable.Range(0, 400_000).Select(_ => BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue)))];
        ushort[] half = Narrow(TensorDType.F16, values);
        ushort[] brain = Narrow(TensorDType.BF16, values);
        for (int i = 0; i < values.Length; i++)
        {
            Assert.Equal(Canonical((float)(Half)values[i]), Canonical((float)BitConverter.UInt16BitsToHalf(half[i])));
            Assert.Equal(float.IsNaN(values[i]), float.IsNaN(BitConverter.UInt32BitsToSingle((uint)brain[i] << 16)));
        }
    }

    [Theory]
    [InlineData(TensorDType.F16)]
    [InlineData(TensorDType.BF16)]
    public void Any_length_gives_what_one_by_one_gives(TensorDType dtype)
    {
        Random random = new(9);
        // Specials and ordinary numbers at every lane: the remainder and the vector must agree on each.
        float[] values = [.. Enumerable.Range(0, 257 + 16).Select(i => (i % 7) switch
        {
            0 => BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue)),
            1 => float.NaN,
            2 => BitConverter.Int32BitsToSingle(0x7F80_0001 + random.Next(0x3F_FFFF)),
            3 => float.NegativeInfinity,
            4 => random.NextSingle() * 1e-7f,
            5 => 65_504 + random.NextSingle() * 32,
            _ => random.NextSingle() - 0.5f,
        })];
        for (int start = 0; start < 16; start++)
        {
            for (int length = 0; length <= 257; length++)
            {
                float[] part = values[start..(start + length)];
                ushort[] narrowed = Narrow(dtype, part);
                Assert.Equal(part.SelectMany(v => Narrow(dtype, [v])), narrowed);
                Assert.Equal(narrowed.SelectMany(v => Widen(dtype, [v])).Select(Canonical), Widen(dtype, narrowed).Select(Canonical));
            }
        }
    }

    private static double Value(TensorDType dtype, int code) => Widen(dtype, [(ushort)code])[0];

    private static double Beyond(TensorDType dtype, int code) => (dtype, code) switch
    {
        (TensorDType.F16, 0x7C00) => 65_536,
        (TensorDType.BF16, 0x7F80) => Math.ScaleB(1, 128),
        _ => Value(dtype, code),
    };

    private static float[] Widen(TensorDType dtype, ushort[] codes)
    {
        float[] values = new float[codes.Length];
        TensorConversion.ToSingle(dtype, MemoryMarshal.AsBytes(codes.AsSpan()), values, "t");
        return values;
    }

    private static ushort[] Narrow(TensorDType dtype, float[] values)
    {
        ushort[] codes = new ushort[values.Length];
        TensorConversion.FromSingle(dtype, values, MemoryMarshal.AsBytes(codes.AsSpan()));
        return codes;
    }

    /// <summary>Bits, with one pattern for every NaN: a processor quiets a signalling one or not, as it likes.</summary>
    private static uint Canonical(float value) => float.IsNaN(value) ? 0x7FC0_0000 : BitConverter.SingleToUInt32Bits(value);
}
