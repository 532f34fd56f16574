using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Tests.Gguf;

/// <summary>
/// Puts scales and quants where the layouts of ggml have them, one element at a time: slow, and written without a
/// look at the decoders.
/// </summary>
internal static class QuantPacker
{
    public static byte[] Pack(TensorDType dtype, Half d, Half dmin, int[] scales, int[] minima, int[] q)
    {
        byte[] scale = BitConverter.GetBytes(d);
        // The old types add their minimum, the K types subtract it.
        byte[] old = BitConverter.GetBytes(-dmin);
        byte[] minimum = BitConverter.GetBytes(dmin);
        return dtype switch
        {
            TensorDType.Q4_0 => [.. scale, .. HalvesOfNibbles(q)],
            TensorDType.Q4_1 => [.. scale, .. old, .. HalvesOfNibbles(q)],
            TensorDType.Q5_0 => [.. scale, .. FifthBits(q), .. HalvesOfNibbles(q)],
            TensorDType.Q5_1 => [.. scale, .. old, .. FifthBits(q), .. HalvesOfNibbles(q)],
            TensorDType.Q8_0 => [.. scale, .. q.Select(v => (byte)(v - 128))],
            TensorDType.Q2_K => [.. scales.Zip(minima, (s, m) => (byte)(s | (m << 4))), .. Planes(q, 128, 2, 0), .. scale, .. minimum],
            TensorDType.Q3_K => [.. Planes(q, 256, 1, 2), .. Planes(q, 128, 2, 0), .. SixBitSixteen(scales), .. scale],
            TensorDType.Q4_K => [.. scale, .. minimum, .. SixBitPairs(scales, minima), .. Planes(q, 64, 4, 0)],
            TensorDType.Q5_K => [.. scale, .. minimum, .. SixBitPairs(scales, minima), .. Planes(q, 256, 1, 4), .. Planes(q, 64, 4, 0)],
            TensorDType.Q6_K => [.. SixBitLows(q), .. Planes(q, 128, 2, 4), .. scales.Select(s => (byte)s), .. scale],
            _ => throw new ArgumentOutOfRangeException(nameof(dtype)),
        };
    }

    private static byte[] HalvesOfNibbles(int[] q) => [.. Enumerable.Range(0, 16).Select(i => (byte)((q[i] & 15) | ((q[i + 16] & 15) << 4)))];

    private static byte[] FifthBits(int[] q)
    {
        uint bits = 0;
        for (int i = 0; i < 32; i++)
            bits |= (uint)(q[i] >> 4) << i;
        return BitConverter.GetBytes(bits);
    }

    /// <summary>
    /// Fields of <paramref name="width"/> bits from bit <paramref name="from"/> of each quant, in pieces of
    /// <paramref name="piece"/> elements and 32 bytes: element e of a piece lies in byte e % 32, field e / 32.
    /// </summary>
    private static byte[] Planes(int[] q, int piece, int width, int from)
    {
        byte[] bytes = new byte[q.Length * width / 8];
        for (int i = 0; i < q.Length; i++)
        {
            int element = i % piece;
            int field = (q[i] >> from) & ((1 << width) - 1);
            bytes[i / piece * 32 + element % 32] |= (byte)(field << (width * (element / 32)));
        }
        return bytes;
    }

    /// <summary>Q6_K's low nibbles: of every 128 elements, e and e + 64 share byte e % 64.</summary>
    private static byte[] SixBitLows(int[] q)
    {
        byte[] bytes = new byte[128];
        for (int i = 0; i < 256; i++)
            bytes[i / 128 * 64 + i % 64] |= (byte)((q[i] & 15) << (i % 128 < 64 ? 0 : 4));
        return bytes;
    }

    /// <summary>Q3_K: sixteen scales, stored plus 32.</summary>
    private static byte[] SixBitSixteen(int[] scales)
    {
        byte[] bytes = new byte[12];
        for (int i = 0; i < 16; i++)
        {
            int s = scales[i] + 32;
            bytes[i % 8] |= (byte)((s & 15) << (i < 8 ? 0 : 4));
            bytes[8 + i % 4] |= (byte)((s >> 4) << (2 * (i / 4)));
        }
        return bytes;
    }

    /// <summary>Q4_K and Q5_K: eight scales and eight minima.</summary>
    private static byte[] SixBitPairs(int[] scales, int[] minima)
    {
        byte[] bytes = new byte[12];
        for (int i = 0; i < 4; i++)
        {
            bytes[i] = (byte)(scales[i] | ((scales[i + 4] >> 4) << 6));
            bytes[i + 4] = (byte)(minima[i] | ((minima[i + 4] >> 4) << 6));
            bytes[i + 8] = (byte)((scales[i + 4] & 15) | ((minima[i + 4] & 15) << 4));
        }
        return bytes;
    }
}
