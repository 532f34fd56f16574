using System.Text;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Fuzz;
using LowRankTools.Formats.Tests.Safetensors;

namespace LowRankTools.Formats.Tests.Sharding;

/// <summary>An index and its shards: they must agree, and lie together.</summary>
public sealed class ShardIndexTests : IDisposable
{
    private const string IndexName = "model.safetensors.index.json";

    private readonly TestFolder _folder = new();

    public ShardIndexTests()
    {
        _folder.Write("one.safetensors", Shard("a"));
        _folder.Write("two.safetensors", Shard("b"));
        _folder.Write("sub/three.safetensors", Shard("c"));
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Tensors_of_all_shards_are_one_model()
    {
        using TensorFile file = Open("{\"metadata\":{\"total_size\":12},\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"two.safetensors\",\"c\":\"sub/three.safetensors\"}}");
        Assert.Equal(["a", "b", "c"], file.Tensors.Select(t => t.Name).Order());
        Assert.Equal(4, file.Files.Count);
        Assert.Equal(_folder[IndexName], file.Path);
        Assert.Equal(ModelFormat.Safetensors, file.Format);
    }

    [Theory]
    [InlineData("../one.safetensors")]
    [InlineData("sub/../../one.safetensors")]
    [InlineData("..\\\\one.safetensors")]
    [InlineData("/etc/passwd")]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("one.safetensors\\u0000")]
    public void Shards_outside_the_folder(string shard) =>
        Refuses(FormatErrors.ReferencedFileOutside, $"{{\"weight_map\":{{\"a\":\"{shard}\"}}}}");

    [Theory]
    [InlineData("absent.safetensors")]
    [InlineData("sub")]
    [InlineData("..one.safetensors")]
    public void Shards_that_are_missing(string shard) =>
        Refuses(FormatErrors.ReferencedFileMissing, $"{{\"weight_map\":{{\"a\":\"{shard}\"}}}}");

    [Fact]
    public void Index_and_shards_that_disagree()
    {
        Refuses(FormatErrors.HeaderInvalid, "{\"weight_map\":{\"a\":\"two.safetensors\",\"b\":\"one.safetensors\"}}");
        Refuses(FormatErrors.HeaderInvalid, "{\"weight_map\":{\"z\":\"one.safetensors\"}}");
        Refuses(FormatErrors.TensorTruncated, "{\"weight_map\":{\"a\":\"one.safetensors\",\"z\":\"one.safetensors\"}}");
        _folder.Write("again.safetensors", Shard("a"));
        Refuses(FormatErrors.HeaderInvalid, "{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"again.safetensors\"}}");
    }

    [Fact]
    public void Names_that_stand_twice()
    {
        Refuses(FormatErrors.DuplicateTensor, "{\"weight_map\":{\"a\":\"one.safetensors\",\"\\u0061\":\"two.safetensors\"}}");
        Refuses(FormatErrors.HeaderInvalid, "{\"weight_map\":{\"a\":\"one.safetensors\"},\"weight_map\":{\"b\":\"two.safetensors\"}}");
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("{\"weight_map\":null}")]
    [InlineData("{\"weight_map\":[]}")]
    [InlineData("{\"weight_map\":{\"a\":1}}")]
    [InlineData("{\"weight_map\":{\"a\":null}}")]
    [InlineData("{\"weight_map\":{\"a\":\"one.safetensors\"}} x")]
    [InlineData("{\"weight_map\":{\"a\":\"one.safetensors\"")]
    public void Json_that_is_no_index(string json) => Refuses(FormatErrors.HeaderInvalid, json);

    [Fact]
    public void An_index_is_no_shard_of_another()
    {
        _folder.Write("inner.index.json", "{\"weight_map\":{\"a\":\"one.safetensors\"}}"u8.ToArray());
        Refuses(FormatErrors.UnknownFormat, "{\"weight_map\":{\"a\":\"inner.index.json\"}}");
    }

    [Fact]
    public void A_damaged_shard_is_named_by_its_own_file()
    {
        _folder.Write("one.safetensors", Shard("a")[..^1]);
        string index = _folder.Write(IndexName, "{\"weight_map\":{\"a\":\"one.safetensors\"}}"u8.ToArray());
        ModelFormatException e = Assert.Throws<ModelFormatException>(() => TensorFiles.Open(index));
        Assert.Equal((FormatErrors.TensorTruncated, _folder["one.safetensors"]), (e.ErrorId, e.File));
    }

    [Fact]
    public void Truncated_at_every_byte_beside_its_shard()
    {
        byte[] valid = "{\"metadata\":{\"total_size\":4},\"weight_map\":{\"a\":\"one.safetensors\"}}"u8.ToArray();
        Assert.Equal(valid.Length, Mutator.Truncations(valid).Count(RefusedBesideItsShard));
    }

    [Fact]
    public void Ten_thousand_mutations_beside_its_shards()
    {
        byte[] valid = "{\"metadata\":{\"total_size\":8},\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"two.safetensors\"}}"u8.ToArray();
        Mutator mutator = new(seed: 43);
        int refused = Enumerable.Range(0, 10_000).Count(_ => RefusedBesideItsShard(mutator.Mutate(valid)));
        Assert.InRange(refused, 6_000, 10_000);
    }

    private static byte[] Shard(string tensor) =>
        SafetensorsBytes.File($"{{{SafetensorsBytes.Entry(tensor, "F32", "[1]", "[0,4]")}}}", 4);

    private TensorFile Open(string json) => TensorFiles.Open(_folder.Write(IndexName, Encoding.UTF8.GetBytes(json)));

    private void Refuses(string id, string json)
    {
        ModelFormatException e = Assert.Throws<ModelFormatException>(() => Open(json).Dispose());
        Assert.Equal(id, e.ErrorId);
        Assert.StartsWith(_folder.Root, e.File, StringComparison.Ordinal);
    }

    /// <summary>Either the model opens with every value there, or one listed error names a file of the folder.</summary>
    private bool RefusedBesideItsShard(byte[] index)
    {
        try
        {
            using TensorFile file = TensorFiles.Open(_folder.Write(IndexName, index));
            foreach (TensorInfo tensor in file.Tensors)
                file.ReadSingles(tensor, 0, new float[tensor.ElementCount]);
            return false;
        }
        catch (ModelFormatException e)
        {
            Assert.NotNull(typeof(FormatErrors).GetField(e.ErrorId));
            Assert.StartsWith(_folder.Root, e.File, StringComparison.Ordinal);
            return true;
        }
    }
}
