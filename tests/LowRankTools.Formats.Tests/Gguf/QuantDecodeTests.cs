using LowRankTools.Formats.Conversion;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Safetensors;

namespace LowRankTools.Formats.Tests.Gguf;

/// <summary>Decoding a block gives the arithmetic of its scales and quants, to the bit.</summary>
public sealed class QuantDecodeTests
{
    public static TheoryData<QuantCase> Cases => [.. QuantCase.All];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Decoding_is_the_arithmetic_of_scales_and_quants(QuantCase type)
    {
        Random random = new(7);
        for (int trial = 0; trial < 500; trial++)
        {
            Half d = (Half)(random.NextSingle() - 0.5f);
            Half dmin = (Half)(random.NextSingle() - 0.5f);
            int[] scales = Draw(random, type.Groups, type.LeastScale, type.MostScale);
            int[] minima = Draw(random, type.Groups, type.MostScale == 1 ? 1 : 0, type.MostScale);
            int[] q = Draw(random, type.Elements, 0, type.Levels - 1);
            float[] decoded = new float[type.Elements];
            TensorConversion.ToSingle(type.DType, QuantPacker.Pack(type.DType, d, dmin, scales, minima, q), decoded, "t");
            Assert.Equal(Bits(type.Values(d, dmin, scales, minima, q)), Bits(decoded));
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Quantised_floats_come_back_within_their_steps(QuantCase type)
    {
        Random random = new(11);
        float[] values = [.. Enumerable.Range(0, 256 * 16).Select(_ => (float)(random.NextDouble() + random.NextDouble() - 1))];
        byte[] blocks = type.Encode(values);
        Assert.Equal(type.DType.ByteLength(values.Length), blocks.Length);
        float[] decoded = new float[values.Length];
        TensorConversion.ToSingle(type.DType, blocks, decoded, "t");
        // Values lie in [-1, 1]. Half a step of the quants, and as much again, with one more part in 16 of the range,
        // for scales and minima that are themselves rounded to at least four bits.
        double step = 2.0 / (type.Levels - 1);
        Assert.All(values.Zip(decoded), pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, step + (type.MostScale == 1 ? 0.001 : 0.0625)));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_read_may_end_inside_a_block(QuantCase type)
    {
        float[] values = [.. Enumerable.Range(0, 1024).Select(i => MathF.Sin(i))];
        byte[] blocks = type.Encode(values);
        float[] whole = new float[values.Length];
        TensorConversion.ToSingle(type.DType, blocks, whole, "t");
        using TestFolder folder = new();
        using TensorFile file = TensorFiles.Open(folder.Write("m.gguf", new GgufBuilder().Tensor("t", [256, 4], type.Type, blocks).Build()));
        for (int length = 0; length <= 300; length++)
        {
            float[] part = new float[length];
            file.ReadSingles(file.Tensors[0], 256, part);
            Assert.Equal(whole.AsSpan(256, length).ToArray(), part);
        }
        Assert.Throws<ArgumentOutOfRangeException>(() => file.ReadSingles(file.Tensors[0], 1, new float[8]));
    }

    [Fact]
    public void Ternary_digits_are_read_most_significant_first()
    {
        Random random = new(3);
        int[] digits = Draw(random, 256, 0, 2);
        byte[] block = new byte[54];
        PackTernary(digits.AsSpan(0, 160), 5, block.AsSpan(0, 32));
        PackTernary(digits.AsSpan(160, 80), 5, block.AsSpan(32, 16));
        PackTernary(digits.AsSpan(240, 16), 4, block.AsSpan(48, 4));
        BitConverter.TryWriteBytes(block.AsSpan(52), (Half)0.5f);
        float[] decoded = new float[256];
        TensorConversion.ToSingle(TensorDType.TQ1_0, block, decoded, "t");
        Assert.Equal(digits.Select(x => (x - 1) * 0.5f), decoded);
    }

    [Fact]
    public void Shared_exponents_scale_four_bit_floats()
    {
        float[] levels = [0, 0.5f, 1, 1.5f, 2, 3, 4, 6];
        for (int exponent = 0; exponent < 253; exponent++)
        {
            byte[] block = [(byte)exponent, .. Enumerable.Range(0, 16).Select(i => (byte)(i | ((15 - i) << 4)))];
            float[] decoded = new float[32];
            TensorConversion.ToSingle(TensorDType.MXFP4, block, decoded, "t");
            for (int i = 0; i < 32; i++)
            {
                int code = i < 16 ? i : 31 - i;
                Assert.Equal(Math.ScaleB(levels[code & 7], exponent - 127) * (code < 8 ? 1 : -1), decoded[i]);
            }
        }
    }

    [Theory]
    [InlineData(TensorDType.IQ2_XXS)]
    [InlineData(TensorDType.IQ3_S)]
    [InlineData(TensorDType.IQ1_M)]
    [InlineData(TensorDType.NVFP4)]
    [InlineData(TensorDType.Q8_1)]
    public void Types_without_a_decoder_say_so(TensorDType dtype)
    {
        Assert.False(TensorConversion.IsReadable(dtype));
        ModelFormatException e = Assert.Throws<ModelFormatException>(() =>
            TensorConversion.ToSingle(dtype, new byte[dtype.BlockBytes()], new float[dtype.BlockElements()], "t"));
        Assert.Equal(FormatErrors.ValuesUnsupported, e.ErrorId);
    }

    /// <summary>A byte is its base-3 number as a fraction of 3^5, rounded up to 256ths.</summary>
    private static void PackTernary(ReadOnlySpan<int> digits, int perByte, Span<byte> bytes)
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            int number = 0;
            for (int n = 0; n < 5; n++)
                number = number * 3 + (n < perByte ? digits[n * bytes.Length + i] : 0);
            bytes[i] = (byte)((number * 256 + 242) / 243);
        }
    }

    private static int[] Draw(Random random, int count, int least, int most) =>
        [.. Enumerable.Range(0, count).Select(_ => random.Next(least, most + 1))];

    private static int[] Bits(float[] values) => [.. values.Select(BitConverter.SingleToInt32Bits)];
}
