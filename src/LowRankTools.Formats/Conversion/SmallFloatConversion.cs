using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Conversion;

/// <summary>
/// Floats and integers of at most eight bits. Each type has at most 256 values, so each is one table, filled from
/// the definition (sign, exponent bits, mantissa bits, bias) of the OCP 8-bit and microscaling specifications.
/// </summary>
internal static class SmallFloatConversion
{
    private static readonly float[] s_e5m2 = Table(8, 5, 2, 15, Specials.Ieee);
    private static readonly float[] s_e4m3 = Table(8, 4, 3, 7, Specials.OneNaN);
    private static readonly float[] s_e5m2fnuz = Table(8, 5, 2, 16, Specials.NegativeZeroIsNaN);
    private static readonly float[] s_e4m3fnuz = Table(8, 4, 3, 8, Specials.NegativeZeroIsNaN);
    private static readonly float[] s_e2m3 = Table(6, 2, 3, 1, Specials.None);
    private static readonly float[] s_e3m2 = Table(6, 3, 2, 3, Specials.None);
    private static readonly float[] s_e2m1 = Table(4, 2, 1, 1, Specials.None);
    private static readonly float[] s_e8m0 = ScaleTable();
    private static readonly float[] s_u4 = [.. Enumerable.Range(0, 16).Select(i => (float)i)];
    private static readonly float[] s_i4 = [.. Enumerable.Range(0, 16).Select(i => (float)(i < 8 ? i : i - 16))];

    private enum Specials
    {
        None,
        Ieee,
        OneNaN,
        NegativeZeroIsNaN,
    }

    /// <summary>The 8-bit scale type, by code.</summary>
    public static ReadOnlySpan<float> E8M0 => s_e8m0;

    /// <summary>The 8-bit E4M3 type, by code.</summary>
    public static ReadOnlySpan<float> E4M3 => s_e4m3;

    /// <summary>The 4-bit float, by code.</summary>
    public static ReadOnlySpan<float> E2M1 => s_e2m1;

    public static void ToSingle(TensorDType dtype, ReadOnlySpan<byte> source, Span<float> destination)
    {
        (float[] table, int bits) = dtype switch
        {
            TensorDType.F8_E5M2 => (s_e5m2, 8),
            TensorDType.F8_E4M3 => (s_e4m3, 8),
            TensorDType.F8_E5M2FNUZ => (s_e5m2fnuz, 8),
            TensorDType.F8_E4M3FNUZ => (s_e4m3fnuz, 8),
            TensorDType.F8_E8M0 => (s_e8m0, 8),
            TensorDType.F6_E2M3 => (s_e2m3, 6),
            TensorDType.F6_E3M2 => (s_e3m2, 6),
            TensorDType.F4 => (s_e2m1, 4),
            TensorDType.U4 => (s_u4, 4),
            TensorDType.I4 => (s_i4, 4),
            _ => throw new ArgumentOutOfRangeException(nameof(dtype)),
        };
        switch (bits)
        {
            case 8:
                for (int i = 0; i < destination.Length; i++)
                    destination[i] = table[source[i]];
                break;
            case 4:
                for (int i = 0; i < destination.Length; i++)
                    destination[i] = table[(source[i >> 1] >> ((i & 1) * 4)) & 15];
                break;
            default:
                SixBit(table, source, destination);
                break;
        }
    }

    /// <summary>Four elements in three bytes, first element in the lowest bits.</summary>
    private static void SixBit(float[] table, ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (int i = 0; i < destination.Length; i++)
        {
            int bit = i * 6;
            int low = source[bit >> 3];
            int high = (bit >> 3) + 1 < source.Length ? source[(bit >> 3) + 1] : 0;
            destination[i] = table[((low | (high << 8)) >> (bit & 7)) & 63];
        }
    }

    private static float[] Table(int bits, int exponentBits, int mantissaBits, int bias, Specials specials)
    {
        float[] table = new float[1 << bits];
        int maxExponent = (1 << exponentBits) - 1;
        int maxMantissa = (1 << mantissaBits) - 1;
        for (int code = 0; code < table.Length; code++)
        {
            bool negative = code >> (bits - 1) != 0;
            int exponent = (code >> mantissaBits) & maxExponent;
            int mantissa = code & maxMantissa;
            float fraction = mantissa / (float)(maxMantissa + 1);
            float value = exponent == 0
                ? MathF.ScaleB(fraction, 1 - bias)
                : MathF.ScaleB(1 + fraction, exponent - bias);
            bool top = exponent == maxExponent;
            if (specials == Specials.Ieee && top)
                value = mantissa == 0 ? float.PositiveInfinity : float.NaN;
            else if (specials == Specials.OneNaN && top && mantissa == maxMantissa)
                value = float.NaN;
            else if (specials == Specials.NegativeZeroIsNaN && code == 1 << (bits - 1))
                value = float.NaN;
            table[code] = negative ? -value : value;
        }
        return table;
    }

    private static float[] ScaleTable()
    {
        float[] table = new float[256];
        for (int code = 0; code < 255; code++)
            table[code] = MathF.ScaleB(1, code - 127);
        table[255] = float.NaN;
        return table;
    }
}
