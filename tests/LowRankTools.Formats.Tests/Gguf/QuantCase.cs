using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Tests.Gguf;

/// <summary>
/// A block-quantised type as arithmetic: element i of group g is (q - zero) (d s_g) - dmin m_g, with d and dmin as
/// binary16. Packing is in <see cref="QuantPacker"/>; this says only what the numbers mean.
/// </summary>
/// <param name="DType">The type.</param>
/// <param name="Type">Its number in GGUF.</param>
/// <param name="Group">Elements that share a small scale.</param>
/// <param name="Levels">Values that q takes, from zero up.</param>
/// <param name="Zero">The q that means zero.</param>
/// <param name="LeastScale">Least small scale.</param>
/// <param name="MostScale">Greatest small scale; types without small scales have 1 and 1.</param>
/// <param name="HasMinimum">Whether groups have minima.</param>
public sealed record QuantCase(TensorDType DType, uint Type, int Group, int Levels, int Zero, int LeastScale, int MostScale, bool HasMinimum)
{
    public static readonly QuantCase[] All =
    [
        new(TensorDType.Q4_0, 2, 32, 16, 8, 1, 1, false),
        new(TensorDType.Q4_1, 3, 32, 16, 0, 1, 1, true),
        new(TensorDType.Q5_0, 6, 32, 32, 16, 1, 1, false),
        new(TensorDType.Q5_1, 7, 32, 32, 0, 1, 1, true),
        new(TensorDType.Q8_0, 8, 32, 256, 128, 1, 1, false),
        new(TensorDType.Q2_K, 10, 16, 4, 0, 0, 15, true),
        new(TensorDType.Q3_K, 11, 16, 8, 4, -32, 31, false),
        new(TensorDType.Q4_K, 12, 32, 16, 0, 0, 63, true),
        new(TensorDType.Q5_K, 13, 32, 32, 0, 0, 63, true),
        new(TensorDType.Q6_K, 14, 16, 64, 32, -128, 127, false),
    ];

    public int Elements => DType.BlockElements();

    public int Groups => Elements / Group;

    /// <summary>The meaning of a block, each product and sum rounded to binary32 as it comes.</summary>
    public float[] Values(Half d, Half dmin, int[] scales, int[] minima, int[] q)
    {
        float[] values = new float[Elements];
        for (int i = 0; i < Elements; i++)
        {
            float scale = (float)d * scales[i / Group];
            float product = scale * (q[i] - Zero);
            values[i] = HasMinimum ? product - (float)dmin * minima[i / Group] : product;
        }
        return values;
    }

    /// <summary>Quantises floats simply: the largest group sets the block's step, each group its own multiple of it.</summary>
    public byte[] Encode(ReadOnlySpan<float> values)
    {
        using MemoryStream blocks = new();
        for (int at = 0; at < values.Length; at += Elements)
            blocks.Write(EncodeBlock(values.Slice(at, Elements)));
        return blocks.ToArray();
    }

    private byte[] EncodeBlock(ReadOnlySpan<float> block)
    {
        float[] steps = new float[Groups];
        float[] lows = new float[Groups];
        for (int g = 0; g < Groups; g++)
        {
            float low = 0, high = 0;
            foreach (float v in block.Slice(g * Group, Group))
                (low, high) = (Math.Min(low, v), Math.Max(high, v));
            lows[g] = -low;
            steps[g] = HasMinimum ? (high - low) / (Levels - 1) : Math.Max(high, -low) / (Levels - 1 - Zero);
        }
        Half d = (Half)(steps.Max() / MostScale);
        // The old types store the minimum itself, as a number to add; here it is one to subtract, like the others.
        int mostMinimum = MostScale == 1 ? 1 : MostScale;
        Half dmin = (Half)(lows.Max() / mostMinimum);
        int[] scales = [.. steps.Select(s => Nearest(s, (float)d, MostScale == 1 ? 1 : 0, MostScale))];
        int[] minima = [.. lows.Select(m => Nearest(m, (float)dmin, MostScale == 1 ? 1 : 0, mostMinimum))];
        int[] q = new int[Elements];
        for (int i = 0; i < Elements; i++)
        {
            float shifted = block[i] + (HasMinimum ? (float)dmin * minima[i / Group] : 0);
            q[i] = Nearest(shifted, (float)d * scales[i / Group], -Zero, Levels - 1 - Zero) + Zero;
        }
        return QuantPacker.Pack(DType, d, dmin, scales, minima, q);
    }

    private static int Nearest(float value, float step, int least, int most) =>
        step == 0 ? Math.Max(0, least) : Math.Clamp((int)MathF.Round(value / step), least, most);
}
