using System.Text;
using System.Text.RegularExpressions;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tests.Fuzz;
using LowRankTools.Formats.Tests.Safetensors;
using static LowRankTools.Formats.Tests.TensorFlowJs.TensorFlowJsBuilder;

namespace LowRankTools.Formats.Tests.TensorFlowJs;

/// <summary>Damaged and hostile model.json files end in one named error.</summary>
public sealed class TensorFlowJsAttackTests : IDisposable
{
    private static readonly (string, byte[])[] s_shards = [("s1", new byte[100]), ("s2", new byte[44])];

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_truncation_is_refused()
    {
        byte[] valid = Everything();
        Assert.Equal(valid.Length, FuzzRun.ReadAll(Mutator.Truncations(valid), "model.json", s_shards));
        Assert.Equal(0, FuzzRun.ReadAll([valid], "model.json", s_shards));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Three_thousand_mutations_a_seed_are_survived(int seed)
    {
        byte[] valid = Everything();
        Mutator mutator = new(seed);
        int refused = FuzzRun.ReadAll(Enumerable.Range(0, 3000).Select(_ => mutator.Mutate(valid)), "model.json", s_shards);
        Assert.InRange(refused, 500, 3000);
    }

    [Fact]
    public void Every_value_of_the_json_may_be_anything()
    {
        // Byte mutations mostly break the JSON itself; these keep it whole and lie.
        string valid = Encoding.UTF8.GetString(Everything());
        string[] lies = ["-1", "0", "3", "0.5", "1e999", "9223372036854775807", "18446744073709551616", "null", "true", "\"x\"", "\"s1\"", "[]", "[[1]]", "{}"];
        IEnumerable<byte[]> inputs =
            from value in Regex.Matches(valid, "(?<=[:,\\[])(\"[^\"]*\"(?!:)|-?[0-9.]+|true|\\[[^\\[\\]]*\\])").Cast<Match>()
            from lie in lies
            select Encoding.UTF8.GetBytes(string.Concat(valid.AsSpan(0, value.Index), lie, valid.AsSpan(value.Index + value.Length)));
        int refused = FuzzRun.ReadAll(inputs, "model.json", s_shards);
        Assert.InRange(refused, 300, inputs.Count() - 100);
    }

    [Fact]
    public void Truncated_shards_are_refused_at_every_length()
    {
        byte[] json = Everything();
        _folder.Write("s2", s_shards[1].Item2);
        for (int length = 0; length < 100; length++)
        {
            _folder.Write("s1", new byte[length]);
            ModelFormatException e = Assert.Throws<ModelFormatException>(() => TensorFiles.Open(_folder.Write("model.json", json)));
            Assert.Equal(FormatErrors.TensorTruncated, e.ErrorId);
        }
    }

    [Theory]
    [InlineData("[")]
    [InlineData("{\"weightsManifest\":")]
    [InlineData("{\"class_name\":\"A\",\"config\":")]
    public void Deep_nesting_is_refused(string opening)
    {
        byte[] json = Encoding.UTF8.GetBytes("{\"modelTopology\":{\"model_config\":" + string.Concat(Enumerable.Repeat(opening, 100_000)));
        ModelFormatException e = Assert.Throws<ModelFormatException>(() => TensorFiles.Open(_folder.Write("model.json", json)));
        Assert.Equal(FormatErrors.HeaderInvalid, e.ErrorId);
    }

    [Fact]
    public void A_json_of_more_than_a_hundred_megabytes_is_not_read()
    {
        string path = _folder["model.json"];
        using (FileStream stream = File.Create(path))
        {
            stream.Write("{"u8);
            stream.SetLength(200_000_000);
        }
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(FormatErrors.HeaderTooLarge, Assert.Throws<ModelFormatException>(() => TensorFiles.Open(path)).ErrorId);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
    }

    /// <summary>A graph model with a tensor of every kind, 144 bytes in two shards.</summary>
    private static byte[] Everything() => Json(
        Graph(Node("a", "Const"), Node("m", "MatMul", "x", "a").Flag("transpose_b"), Node("t", "Transpose", "a", "p"), Node("y", "BiasAdd", "m", "c")),
        ["s1", "s2"],
        Weight("a", "float32", 5, 4), Weight("words", "string", 2), Weight("i", "int32", 3), Weight("c", "complex64", 2), Weight("b", "bool", 4),
        Weight("q", "float32", 8).Quantized("uint8", 0.5, -1), Weight("h", "float32", 4).Quantized("float16", 1, 0), Weight("z", "float32", 2));
}
