using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Safetensors;
using static LowRankTools.Formats.Tests.TensorFlowJs.TensorFlowJsBuilder;

namespace LowRankTools.Formats.Tests.TensorFlowJs;

/// <summary>Manifests, shards, element types and quantisation.</summary>
public sealed class TensorFlowJsValueTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("float32", TensorDType.F32)]
    [InlineData("float16", TensorDType.F16)]
    [InlineData("int32", TensorDType.I32)]
    [InlineData("bool", TensorDType.BOOL)]
    [InlineData("uint8", TensorDType.U8)]
    [InlineData("int8", TensorDType.I8)]
    [InlineData("uint16", TensorDType.U16)]
    [InlineData("int16", TensorDType.I16)]
    [InlineData("complex64", TensorDType.C64)]
    public void Element_types_are_plain_bytes(string dtype, TensorDType expected)
    {
        byte[] bytes = Enumerable.Range(1, (int)expected.ByteLength(6)).Select(i => (byte)i).ToArray();
        using TensorFile file = _folder.Open(Json(null, Weight("w", dtype, 2, 3)), bytes);

        TensorInfo tensor = Assert.Single(file.Tensors);
        Assert.Equal(expected, tensor.DType);
        Assert.Equal([2L, 3L], tensor.Shape.AsEnumerable());
        Assert.Equal(bytes, Bytes(file, tensor, 0, bytes.Length));
    }

    [Theory]
    [InlineData("uint8", 1)]
    [InlineData("uint16", 2)]
    public void Quantised_weights_read_as_their_values(string stored, int width)
    {
        ushort[] numbers = [0, 1, 7, 200, 255, 3];
        byte[] bytes = width == 1 ? [.. numbers.Select(n => (byte)n)] : MemoryMarshal.AsBytes<ushort>(numbers).ToArray();
        using TensorFile file = _folder.Open(Json(null, Weight("w", "float32", 6).Quantized(stored, 0.1, -1.25)), bytes);

        TensorInfo tensor = Assert.Single(file.Tensors);
        float[] values = new float[6];
        file.ReadSingles(tensor, 0, values);
        Assert.Equal(TensorDType.F32, tensor.DType);
        Assert.Equal(numbers.Select(n => (float)(n * 0.1 + -1.25)), values);
        Assert.Equal(new FileInfo(_folder["model.json"]).Length + bytes.Length, file.FileBytes);
    }

    [Fact]
    public void Any_byte_range_of_a_quantised_weight_reads_alone()
    {
        byte[] numbers = new byte[70_000];
        new Random(3).NextBytes(numbers);
        using TensorFile file = _folder.Open(Json(null, Weight("w", "float32", numbers.Length).Quantized("uint8", 0.37, -40)), numbers);
        byte[] expected = MemoryMarshal.AsBytes<float>(numbers.Select(n => (float)(n * 0.37 - 40)).ToArray()).ToArray();

        foreach ((int start, int length) in new[] { (0, expected.Length), (1, 1), (3, 6), (expected.Length - 1, 1), (70_001, 130_003), (5, 0) })
            Assert.Equal(expected[start..(start + length)], Bytes(file, file.Tensors[0], start, length));
    }

    [Fact]
    public void Quantised_integers_round_halves_up()
    {
        using TensorFile file = _folder.Open(Json(null, Weight("w", "int32", 4).Quantized("uint8", 0.5, -1)), [0, 1, 2, 3]);
        Assert.Equal(TensorDType.I32, file.Tensors[0].DType);
        Assert.Equal([-1, 0, 0, 1], MemoryMarshal.Cast<byte, int>(Bytes(file, file.Tensors[0], 0, 16)).ToArray());
    }

    [Fact]
    public void Weights_quantised_to_half_precision_are_half_precision()
    {
        using TensorFile file = _folder.Open(Json(null, Weight("w", "float32", 2).Quantized("float16", 0, 0)), [0x00, 0x3C, 0x00, 0xC0]);
        float[] values = new float[2];
        file.ReadSingles(file.Tensors[0], 0, values);
        Assert.Equal(TensorDType.F16, file.Tensors[0].DType);
        Assert.Equal([1f, -2f], values);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(1000)]
    public void Tensors_cross_the_boundaries_of_shards(int shardBytes)
    {
        byte[] all = Enumerable.Range(0, 4 * 31).Select(i => (byte)i).ToArray();
        byte[][] shards = [.. all.Chunk(shardBytes)];
        string[] paths = [.. shards.Select((_, i) => $"s{i + 1}")];
        using TensorFile file = _folder.Open(
            Json(null, paths, Weight("a", "float32", 10), Weight("none", "float32", 0), Weight("b", "float32", 3, 7)), shards);

        Assert.Equal(all[..40], Bytes(file, file.Tensors[0], 0, 40));
        Assert.Equal(all[40..], Bytes(file, file.Tensors[2], 0, 84));
        Assert.Equal(all[52..63], Bytes(file, file.Tensors[2], 12, 11));
        Assert.Equal(shards.Length + 1, file.Files.Count);
    }

    [Fact]
    public void Texts_are_passed_over_by_their_lengths()
    {
        byte[] shard = [2, 0, 0, 0, .. "ab"u8, 0, 0, 0, 0, 9, 8, 7, 6];
        using TensorFile file = _folder.Open(Json(null, Weight("words", "string", 2), Weight("w", "int32", 1)), shard);

        Assert.Equal("w", Assert.Single(file.Tensors).Name);
        Assert.Equal([9, 8, 7, 6], Bytes(file, file.Tensors[0], 0, 4));
        Assert.Equal("1", file.Metadata["text_tensors"]);
    }

    public static TheoryData<string, byte[], int> Refusals => new()
    {
        { FormatErrors.TensorTruncated, Json(null, Weight("w", "float32", 3)), 11 },
        { FormatErrors.DataHole, Json(null, Weight("w", "float32", 3)), 13 },
        { FormatErrors.DuplicateTensor, Json(null, Weight("w", "float32", 1), Weight("w", "float32", 1)), 8 },
        { FormatErrors.DTypeUnsupported, Json(null, Weight("w", "float8", 1)), 4 },
        { FormatErrors.DTypeUnsupported, Json(null, Weight("w", "float32", 1).Quantized("uint4", 1, 0)), 4 },
        { FormatErrors.DTypeUnsupported, Json(null, Weight("w", "bool", 1).Quantized("uint8", 1, 0)), 1 },
        { FormatErrors.ShapeOverflow, Json(null, Weight("w", "float32", -1)), 4 },
        { FormatErrors.ShapeOverflow, Json(null, Weight("w", "float32", 1L << 40, 1L << 40)), 4 },
        { FormatErrors.TensorTruncated, Json(null, Weight("w", "string", 1L << 50)), 4 },
        { FormatErrors.ReferencedFileMissing, Json(null, ["absent"], Weight("w", "float32", 1)), 4 },
        { FormatErrors.ReferencedFileOutside, Json(null, ["../s1"], Weight("w", "float32", 1)), 4 },
        { FormatErrors.ReferencedFileOutside, Json(null, ["/etc/passwd"], Weight("w", "float32", 1)), 4 },
        { FormatErrors.UnknownFormat, """{"architectures": ["BertModel"]}"""u8.ToArray(), 0 },
        { FormatErrors.HeaderInvalid, """{"weightsManifest": {}}"""u8.ToArray(), 0 },
        { FormatErrors.HeaderInvalid, """{"weightsManifest": [{"paths": ["s1"]}]}"""u8.ToArray(), 0 },
        { FormatErrors.HeaderInvalid, """{"weightsManifest": [{"paths": ["s1"], "weights": [{"name": "w", "dtype": "float32", "shape": [1.5]}]}]}"""u8.ToArray(), 0 },
        { FormatErrors.HeaderInvalid, """{"weightsManifest": ["""u8.ToArray(), 0 },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void What_is_wrong_is_named(string id, byte[] json, int shardBytes)
    {
        ModelFormatException e = Assert.Throws<ModelFormatException>(() => _folder.Open(json, new byte[shardBytes]));
        Assert.Equal(id, e.ErrorId);
        Assert.Contains(_folder["model.json"], e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Several_groups_have_shards_of_their_own()
    {
        byte[] json = System.Text.Encoding.UTF8.GetBytes(new JsonObject
        {
            ["weightsManifest"] = new JsonArray(Group(["s1"], Weight("a", "int32", 1)), Group(["s2"], Weight("b", "int32", 1))),
        }.ToJsonString());
        using TensorFile file = _folder.Open(json, [1, 0, 0, 0], [2, 0, 0, 0]);

        Assert.Equal([2, 0, 0, 0], Bytes(file, file.Tensors[1], 0, 4));
    }

    private static byte[] Bytes(TensorFile file, TensorInfo tensor, long start, int length)
    {
        byte[] bytes = new byte[length];
        file.ReadBytes(tensor, start, bytes);
        return bytes;
    }
}
