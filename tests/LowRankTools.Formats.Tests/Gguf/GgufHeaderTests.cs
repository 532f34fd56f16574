using LowRankTools.Formats.Files;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Safetensors;

namespace LowRankTools.Formats.Tests.Gguf;

/// <summary>What a well-formed header says, and every way in which it may not lie.</summary>
public sealed class GgufHeaderTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void Dimensions_are_reversed_into_rows_and_columns(uint version)
    {
        float[] values = [.. Enumerable.Range(0, 6).Select(i => (float)i)];
        using TensorFile file = Open(new GgufBuilder { Version = version }.Tensor("blk.0.attn_q.weight", [3, 2], 0, Bytes(values)));
        TensorInfo tensor = Assert.Single(file.Tensors);
        Assert.Equal([2L, 3L], tensor.Shape.ToArray());
        Assert.Equal(TensorDType.F32, tensor.DType);
        Assert.Null(tensor.Trainable);
        Assert.Equal(ModelFormat.Gguf, file.Format);
        float[] read = new float[3];
        file.ReadSingles(tensor, 3, read);
        Assert.Equal([3f, 4f, 5f], read);
    }

    [Fact]
    public void Every_scalar_type_is_shown_as_text_and_arrays_by_type_and_count()
    {
        using TensorFile file = Open(new GgufBuilder()
            .KeyValue("u8", 0, [200]).KeyValue("i8", 1, [0xFE]).KeyValue("u16", 2, BitConverter.GetBytes((ushort)40_000))
            .KeyValue("i16", 3, BitConverter.GetBytes((short)-3)).KeyValue("u32", 4_000_000_000).KeyValue("i32", 5, BitConverter.GetBytes(-5))
            .KeyValue("f32", 6, BitConverter.GetBytes(1.5f)).KeyValue("yes", 7, [1]).KeyValue("name", "Zürich")
            .KeyValue("u64", 10, BitConverter.GetBytes(ulong.MaxValue)).KeyValue("i64", 11, BitConverter.GetBytes(long.MinValue))
            .KeyValue("f64", 12, BitConverter.GetBytes(-0.25))
            .KeyValue("tokens", 9, GgufBuilder.Array(8, 2, GgufBuilder.Text("a"), GgufBuilder.Text("bc")))
            .KeyValue("scores", 9, GgufBuilder.Array(6, 3, new byte[12]))
            .KeyValue("nested", 9, GgufBuilder.Array(9, 2, GgufBuilder.Array(0, 1, [7]), GgufBuilder.Array(8, 1, GgufBuilder.Text("x"))))
            .KeyValue("after", "the arrays"));
        Assert.Equal(
            new Dictionary<string, string>
            {
                ["u8"] = "200", ["i8"] = "-2", ["u16"] = "40000", ["i16"] = "-3", ["u32"] = "4000000000", ["i32"] = "-5", ["f32"] = "1.5",
                ["yes"] = "true", ["name"] = "Zürich", ["u64"] = "18446744073709551615", ["i64"] = "-9223372036854775808", ["f64"] = "-0.25",
                ["tokens"] = "[string x 2]", ["scores"] = "[float32 x 3]", ["nested"] = "[array x 2]", ["after"] = "the arrays",
            },
            file.Metadata);
    }

    [Fact]
    public void A_large_vocabulary_is_passed_over_without_being_kept()
    {
        byte[] tokens = [.. Enumerable.Range(0, 200_000).SelectMany(i => GgufBuilder.Text($"token{i}"))];
        string path = _folder.Write("vocab.gguf", new GgufBuilder()
            .KeyValue("tokenizer.ggml.tokens", 9, GgufBuilder.Array(8, 200_000, tokens))
            .KeyValue("tokenizer.ggml.scores", 9, GgufBuilder.Array(6, 1_000_000, new byte[4_000_000]))
            .Tensor("x", [1], 0, new byte[4]).Build());
        TensorFiles.Open(path).Dispose();
        long before = GC.GetAllocatedBytesForCurrentThread();
        TensorFiles.Open(path).Dispose();
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 200_000);
    }

    [Theory]
    [InlineData(1u)]
    [InlineData(64u)]
    [InlineData(4096u)]
    public void Alignment_moves_the_data(uint alignment)
    {
        using TensorFile file = Open(new GgufBuilder { Alignment = alignment }.KeyValue("general.alignment", alignment)
            .Tensor("a", [3], 24, [1, 2, 3]).Tensor("b", [2], 24, [4, 5]));
        float[] read = new float[2];
        file.ReadSingles(file.Tensors[1], 0, read);
        Assert.Equal([4f, 5f], read);
        Assert.Equal(0, ((FileRegion)file.Tensors[1].Source).Start % alignment);
    }

    [Fact]
    public void A_scalar_an_empty_tensor_and_a_file_without_data_are_files()
    {
        using TensorFile file = Open(new GgufBuilder().Tensor("scalar", [], 0, Bytes([2f])).Tensor("empty", [0, 5], 0, []));
        Assert.Equal([1L, 0L], file.Tensors.Select(t => t.ElementCount));
        using TensorFile none = Open(new GgufBuilder().KeyValue("general.architecture", "llama"));
        Assert.Empty(none.Tensors);
    }

    [Theory]
    [InlineData("token_embd.weight", 2, TensorRole.Embedding)]
    [InlineData("blk.0.attn_norm.weight", 1, TensorRole.Normalization)]
    [InlineData("blk.0.attn_norm.bias", 1, TensorRole.Normalization)]
    [InlineData("blk.0.attn_norm_2.weight", 1, TensorRole.Normalization)]
    [InlineData("output_norm.weight", 1, TensorRole.Normalization)]
    [InlineData("output.weight", 2, TensorRole.LinearWeight)]
    [InlineData("blk.11.attn_q.weight", 2, TensorRole.LinearWeight)]
    [InlineData("blk.11.attn_output.weight", 2, TensorRole.LinearWeight)]
    [InlineData("blk.11.ffn_down.weight", 2, TensorRole.LinearWeight)]
    [InlineData("blk.11.ffn_down_exps.weight", 3, TensorRole.Unknown)]
    [InlineData("blk.11.attn_q.bias", 1, TensorRole.Bias)]
    [InlineData("rope_freqs.weight", 1, TensorRole.Buffer)]
    [InlineData("rope_factors_long.weight", 1, TensorRole.Buffer)]
    [InlineData("model.diffusion.weight", 2, TensorRole.Unknown)]
    [InlineData("plain", 2, TensorRole.Unknown)]
    public void Names_give_the_role(string name, int dimensions, TensorRole role)
    {
        using TensorFile file = Open(new GgufBuilder().Tensor(name, [.. Enumerable.Repeat(1UL, dimensions)], 0, new byte[4]));
        Assert.Equal(role, file.Tensors[0].Role);
    }

    private TensorFile Open(GgufBuilder builder) => TensorFiles.Open(_folder.Write($"{Guid.NewGuid()}.gguf", builder.Build()));

    private static byte[] Bytes(float[] values) => System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
}
