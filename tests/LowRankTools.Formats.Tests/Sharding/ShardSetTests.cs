using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Formats.Tests.Sharding;

/// <summary>Shards of two runs are no model, whoever brought them together.</summary>
public sealed class ShardSetTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lowrank-set-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Write(string folder, byte fill, Dictionary<string, string>? metadata = null, long most = 16)
    {
        string path = Directory.CreateDirectory(Path.Combine(_folder, folder)).FullName;
        TensorSpec[] tensors = [.. Enumerable.Range(0, 3).Select(i => new TensorSpec($"t{i}", TensorDType.U8, [16]))];
        using SafetensorsModelWriter writer = new(Path.Combine(path, "model.safetensors"), tensors, metadata ?? [], most);
        foreach (TensorSpec tensor in tensors)
        {
            writer.Begin(tensor);
            writer.Write([.. Enumerable.Repeat(fill, 16)]);
        }
        return writer.Complete()[0];
    }

    private static string SetOf(string index)
    {
        using TensorFile file = TensorFiles.Open(index);
        return file.Metadata[ShardSet.Key];
    }

    [Fact]
    public void One_shard_of_another_run_is_named()
    {
        string index = Write("a", 1), other = Write("b", 2);
        string shard = ShardNames.Of(Path.Combine(_folder, "a", "model.safetensors"), 3)[1];
        File.Copy(Path.Combine(Path.GetDirectoryName(other)!, Path.GetFileName(shard)), shard, overwrite: true);
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => TensorFiles.Open(index));
        Assert.Equal(FormatErrors.ShardOfAnotherRun, error.ErrorId);
        Assert.Contains(Path.GetFileName(shard), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void All_shards_of_another_run_are_named_by_the_index()
    {
        string index = Write("a", 1), other = Write("b", 2);
        File.Copy(other, index, overwrite: true);
        Assert.Equal(FormatErrors.ShardOfAnotherRun, Assert.Throws<ModelFormatException>(() => TensorFiles.Open(index)).ErrorId);
    }

    [Fact]
    public void An_index_of_another_program_is_content_with_shards_of_one_run()
    {
        string index = Write("a", 1);
        File.WriteAllText(index, File.ReadAllText(index).Replace(ShardSet.Key, "unknown", StringComparison.Ordinal));
        using TensorFile file = TensorFiles.Open(index);
        Assert.Equal(3, file.Tensors.Count);
    }

    [Fact]
    public void Runs_that_differ_in_nothing_have_one_identity_and_others_have_not()
    {
        string first = SetOf(Write("a", 1));
        Assert.Equal(first, SetOf(Write("b", 1)));
        Assert.NotEqual(first, SetOf(Write("c", 2)));
        Assert.NotEqual(first, SetOf(Write("d", 1, new Dictionary<string, string> { ["note"] = "another" })));
    }

    [Fact]
    public void A_single_file_carries_no_identity_nor_one_that_it_was_copied_with()
    {
        string path = Write("a", 1, new Dictionary<string, string> { [ShardSet.Key] = "of another file" }, most: 0);
        Assert.Null(SafetensorsFile.ShardSetOf(path));
    }

    [Theory]
    [InlineData("model-00001-of-00003.safetensors", true)]
    [InlineData("model-g2-00001-of-00003.safetensors", true)]
    [InlineData("model-g2.safetensors", false)]
    [InlineData("model-00001-of-00003.bin", false)]
    [InlineData("my-model-00001-of-00003.safetensors", false)]
    [InlineData("thesis.docx", false)]
    public void A_shard_is_known_by_its_name(string name, bool shard) =>
        Assert.Equal(shard, ShardNames.IsShardOf(Path.Combine(_folder, name), Path.Combine(_folder, "model.safetensors")));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Names_of_every_generation_are_shards_of_their_model(int generation)
    {
        string weights = Path.Combine(_folder, "a.b.safetensors");
        Assert.All(ShardNames.Of(weights, 12, generation), name => Assert.True(ShardNames.IsShardOf(name, weights)));
    }
}
