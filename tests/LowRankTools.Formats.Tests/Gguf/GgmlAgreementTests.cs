using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Peers;
using LowRankTools.Formats.Tests.Safetensors;

namespace LowRankTools.Formats.Tests.Gguf;

/// <summary>ggml defines the types; its own library must agree on every size and every decoded bit.</summary>
public sealed class GgmlAgreementTests
{
    private const int Blocks = 400;

    public static TheoryData<uint> Numbers => [.. Enumerable.Range(0, 43).Select(i => (uint)i)];

    [GgmlTheory]
    [MemberData(nameof(Numbers))]
    public void Block_sizes_agree(uint type)
    {
        (int elements, int bytes) = GgmlPeer.Block(type);
        using TestFolder folder = new();
        string path = folder.Write("m.gguf", new GgufBuilder().Tensor("t", [(ulong)Math.Max(1, elements)], type, new byte[Math.Max(1, bytes)]).Build());
        if (elements == 0)
        {
            Assert.Equal(FormatErrors.DTypeUnsupported, Assert.Throws<ModelFormatException>(() => TensorFiles.Open(path)).ErrorId);
            return;
        }
        using TensorFile file = TensorFiles.Open(path);
        Assert.Equal((elements, bytes), (file.Tensors[0].DType.BlockElements(), file.Tensors[0].DType.BlockBytes()));
    }

    /// <summary>Everything that both sides decode; ggml itself has no decoder for Q8_K.</summary>
    public static TheoryData<uint> Decoded => [1, 2, 3, 6, 7, 8, 10, 11, 12, 13, 14, 20, 23, 30, 34, 35, 39, 41, 42];

    [GgmlTheory]
    [MemberData(nameof(Decoded))]
    public void Decoded_bits_agree_on_random_blocks(uint type)
    {
        (int elements, int bytes) = GgmlPeer.Block(type);
        byte[] blocks = new byte[Blocks * bytes];
        new Random((int)type).NextBytes(blocks);
        float[] theirs = GgmlPeer.Decode(type, blocks);
        using TestFolder folder = new();
        using TensorFile file = TensorFiles.Open(folder.Write("m.gguf", new GgufBuilder().Tensor("t", [(ulong)elements, Blocks], type, blocks).Build()));
        float[] ours = new float[theirs.Length];
        file.ReadSingles(file.Tensors[0], 0, ours);
        Assert.Equal(theirs.Select(Bits), ours.Select(Bits));
    }

    /// <summary>Random scales are NaN now and then; which NaN comes out is the processor's choice.</summary>
    private static int Bits(float value) => float.IsNaN(value) ? 0x7FC0_0000 : BitConverter.SingleToInt32Bits(value);
}
