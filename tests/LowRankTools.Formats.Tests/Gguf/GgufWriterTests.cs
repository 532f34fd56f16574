using System.Runtime.InteropServices;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Gguf;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Safetensors;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Formats.Tests.Gguf;

/// <summary>What is written is what ggml describes: read by a second reader, byte for byte, and refused where ggml would refuse it.</summary>
public sealed class GgufWriterTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Every type of value, arrays of texts and of arrays too.</summary>
    private static GgufBuilder EveryType() => new GgufBuilder { Alignment = 64 }
        .KeyValue("general.architecture", "llama").KeyValue("general.alignment", 64)
        .KeyValue("u8", 0, [200]).KeyValue("i8", 1, [0xFE]).KeyValue("u16", 2, BitConverter.GetBytes((ushort)40_000)).KeyValue("i16", 3, BitConverter.GetBytes((short)-3))
        .KeyValue("i32", 5, BitConverter.GetBytes(-5)).KeyValue("f32", 6, BitConverter.GetBytes(1.5f)).KeyValue("yes", 7, [1]).KeyValue("name", "Zürich")
        .KeyValue("u64", 10, BitConverter.GetBytes(ulong.MaxValue)).KeyValue("i64", 11, BitConverter.GetBytes(long.MinValue)).KeyValue("f64", 12, BitConverter.GetBytes(-0.25))
        .KeyValue("tokens", 9, GgufBuilder.Array(8, 2, GgufBuilder.Text("a"), GgufBuilder.Text("bc")))
        .KeyValue("scores", 9, GgufBuilder.Array(6, 3, new byte[12]))
        .KeyValue("nested", 9, GgufBuilder.Array(9, 2, GgufBuilder.Array(0, 1, [7]), GgufBuilder.Array(8, 1, GgufBuilder.Text("x"))));

    private static byte[] Values(int count, int seed = 1)
    {
        Random random = new(seed);
        return MemoryMarshal.AsBytes<float>([.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() - 0.5))]).ToArray();
    }

    private string Write(GgufFile? source, IReadOnlyList<GgufValue> values, Dictionary<string, string> metadata, params (TensorSpec Spec, byte[] Bytes)[] tensors)
    {
        using GgufModelWriter writer = new(_folder["out.gguf"], source, tensors.Select(t => t.Spec), values, metadata);
        foreach ((TensorSpec spec, byte[] bytes) in tensors)
        {
            writer.Begin(spec);
            // In pieces, as models are written.
            writer.Write(bytes.AsSpan(0, bytes.Length / 3));
            writer.Write(bytes.AsSpan(bytes.Length / 3));
        }
        return writer.Complete()[0];
    }

    [Fact]
    public void A_file_that_is_written_again_has_the_same_bytes()
    {
        byte[] first = Values(12), second = Values(5), third = Values(7), fourth = Values(24), half = new byte[2 * 9];
        // The builder is another writer of the same description; it does not pad the end.
        byte[] whole = EveryType().Tensor("one", [7], 0, third).Tensor("two", [4, 3], 0, first).Tensor("three", [5, 1, 1], 0, second)
            .Tensor("four", [2, 3, 2, 2], 0, fourth).Tensor("none", [], 0, Values(1)).Tensor("half", [3, 3], 1, half).Build();
        string from = _folder.Write("in.gguf", whole);
        using GgufFile source = new(from);
        string written = Write(source, [], [], [.. source.Tensors.Select(t => (new TensorSpec(t.Name, t.DType, t.Shape), Bytes(source, t)))]);
        byte[] again = File.ReadAllBytes(written);
        Assert.Equal(whole, again[..whole.Length]);
        Assert.Equal(0, again.Length % 64);
        Assert.All(again[whole.Length..], b => Assert.Equal(0, b));
        using TensorFile read = TensorFiles.Open(written);
        Assert.Equal([[7], [3, 4], [1, 1, 5], [2, 2, 3, 2], [], [3, 3]], read.Tensors.Select(t => t.Shape.ToArray()));
    }

    private static byte[] Bytes(TensorFile file, TensorInfo tensor)
    {
        byte[] bytes = new byte[tensor.ByteLength];
        file.ReadBytes(tensor, 0, bytes);
        return bytes;
    }

    [Fact]
    public void Key_values_of_the_writer_stand_in_place_of_the_sources()
    {
        using GgufFile source = new(_folder.Write("in.gguf", EveryType().Build()));
        string path = Write(source, [GgufValue.Text("name", "other"), GgufValue.Number("adapter.lora.alpha", 2.5f)], new() { ["lowrank"] = "{}" });
        using TensorFile file = TensorFiles.Open(path);
        Dictionary<string, string> expected = new(source.Metadata, StringComparer.Ordinal) { ["name"] = "other", ["adapter.lora.alpha"] = "2.5", ["lowrank"] = "{}" };
        Assert.Equal(expected, file.Metadata);
    }

    [Fact]
    public void A_text_may_give_way_to_a_shorter_one_at_the_end()
    {
        TensorSpec spec = new("x", TensorDType.F32, [3]);
        byte[] bytes = Values(3);
        using GgufModelWriter writer = new(_folder["m.gguf"], null, [spec], [], new Dictionary<string, string> { ["a"] = new string('9', 40), ["b"] = "1" });
        writer.Begin(spec);
        writer.Write(bytes);
        string path = writer.Complete(new Dictionary<string, string> { ["a"] = """{"ü":1}""", ["b"] = "2" })[0];
        using TensorFile file = TensorFiles.Open(path);
        Assert.Equal(("""{"ü":1}""", "2"), (file.Metadata["a"].TrimEnd(' '), file.Metadata["b"]));
        Assert.Equal(bytes, Bytes(file, file.Tensors[0]));
    }

    [Theory]
    [InlineData(TensorDType.U8, "x", new long[] { 4 }, FormatErrors.DTypeUnsupported)]
    [InlineData(TensorDType.Q8_0, "x", new long[] { 2, 33 }, FormatErrors.TensorSizeMismatch)]
    [InlineData(TensorDType.F32, "x", new long[] { 1, 1, 1, 1, 1 }, FormatErrors.HeaderInvalid)]
    [InlineData(TensorDType.F32, "blk.0.a_name_that_is_much_longer_than_what_ggml_has_room_for.weight", new long[] { 1 }, FormatErrors.HeaderInvalid)]
    [InlineData(TensorDType.F32, "other", new long[] { 1 }, FormatErrors.DuplicateTensor)]
    public void What_ggml_does_not_load_is_refused_before_a_file_is_there(TensorDType type, string name, long[] shape, string id)
    {
        TensorSpec[] tensors = [new("other", TensorDType.F32, [1]), new(name, type, [.. shape])];
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => new GgufModelWriter(_folder["m.gguf"], null, tensors, [], new Dictionary<string, string>()));
        Assert.Equal((id, _folder["m.gguf"], name), (error.ErrorId, error.File, error.Tensor));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Root));
    }

    [Fact]
    public void An_alignment_that_would_fill_the_disk_is_refused()
    {
        using GgufFile source = new(_folder.Write("in.gguf", new GgufBuilder { Alignment = 1 << 20 }.KeyValue("general.alignment", 1 << 20).Build()));
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => Write(source, [], []));
        Assert.Equal(FormatErrors.HeaderInvalid, error.ErrorId);
    }

    [Fact]
    public void A_writer_that_is_not_finished_leaves_nothing()
    {
        TensorSpec spec = new("x", TensorDType.F32, [8]);
        using (GgufModelWriter writer = new(_folder["m.gguf"], null, [spec], [], new Dictionary<string, string>()))
        {
            writer.Begin(spec);
            writer.Write(new byte[16]);
            Assert.Throws<InvalidOperationException>(() => writer.Finish());
            Assert.Throws<InvalidOperationException>(() => writer.Write(new byte[17]));
        }
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Root));
    }
}
