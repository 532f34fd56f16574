using LowRankTools.Core.Models;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Models;

public sealed class ModelLocatorTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string[] Find(string path = "", bool recurse = false) =>
        [.. new ModelLocator().Find(_folder[path], recurse).Select(m => Path.GetRelativePath(_folder.Path, m.Path))];

    [Fact]
    public void Loose_files_are_one_model_each()
    {
        _folder.Touch("a.safetensors");
        _folder.Touch("b.pt");
        _folder.Touch("c.onnx");
        _folder.Touch("d.gguf");
        _folder.Touch("readme.md");
        Assert.Equal(["a.safetensors", "b.pt", "c.onnx", "d.gguf"], Find());
    }

    [Fact]
    public void An_index_swallows_its_shards()
    {
        string index = TestModel.Write(_folder["model.safetensors"], [], 16, TestModel.Random("a", 1, 4), TestModel.Random("b", 2, 4));
        Assert.EndsWith(".index.json", index, StringComparison.Ordinal);
        Assert.Equal(["model.safetensors.index.json"], Find());
    }

    [Fact]
    public void A_shard_named_alone_stands_for_its_model()
    {
        TestModel.Write(_folder["model.safetensors"], [], 16, TestModel.Random("a", 1, 4), TestModel.Random("b", 2, 4));
        ModelLocator locator = new();
        ModelSource first = Assert.Single(locator.Find(_folder["model-00001-of-00002.safetensors"]));
        Assert.EndsWith(".index.json", first.Path, StringComparison.Ordinal);
        Assert.NotEmpty(first.Note);
        Assert.Empty(locator.Find(_folder["model-00002-of-00002.safetensors"]));
    }

    [Theory]
    [InlineData("encoder/dist/model.json", "encoder")]
    [InlineData("encoder/lib/dist/model.json", "encoder")]
    [InlineData("encoder/model.safetensors", "encoder")]
    [InlineData("dist/encoder.safetensors", "encoder")]
    public void A_model_is_not_named_after_a_folder_that_every_package_has(string path, string name)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_folder[path])!);
        _folder.Touch(path);
        Assert.Equal(name, Assert.Single(new ModelLocator().Find(_folder[path])).Name);
    }

    [Theory]
    [InlineData("model.safetensors", "pytorch_model.bin")]
    [InlineData("tiny.safetensors", "tiny.pt")]
    [InlineData("tiny.safetensors", "tiny.pth")]
    public void Two_formats_of_one_model_are_one_and_the_output_says_so(string preferred, string other)
    {
        _folder.Touch(preferred);
        _folder.Touch(other);
        ModelSource model = Assert.Single(new ModelLocator().Find(_folder.Path));
        Assert.Equal(preferred, Path.GetFileName(model.Path));
        Assert.Contains(other, model.Note, StringComparison.Ordinal);
    }

    [Fact]
    public void Different_stems_are_different_models()
    {
        _folder.Touch("a.safetensors");
        _folder.Touch("b.pt");
        Assert.Equal(2, Find().Length);
    }

    [Fact]
    public void Training_leftovers_and_hidden_files_are_no_models()
    {
        _folder.Touch("model.safetensors");
        _folder.Touch("optimizer.pt");
        _folder.Touch("training_args.bin");
        _folder.Touch(".x.safetensors");
        Assert.Equal(["model.safetensors"], Find());
    }

    [Fact]
    public void A_plain_stem_takes_the_folders_name()
    {
        _folder.Touch("bert/model.safetensors");
        _folder.Touch("bert/adapter.safetensors");
        Assert.Equal(["adapter", "bert"], new ModelLocator().Find(_folder["bert"]).Select(m => m.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Subfolders_are_searched_only_when_asked()
    {
        _folder.Touch("a/model.safetensors");
        _folder.Touch("b/c/model.safetensors");
        LowRankToolsException error = Assert.Throws<LowRankToolsException>(() => Find());
        Assert.Equal(CoreErrors.NoModelsFound, error.ErrorId);
        Assert.Contains("-Recurse", error.Remedy, StringComparison.Ordinal);
        Assert.Equal(2, Find(recurse: true).Length);
    }

    [Fact]
    public void Nothing_there_is_an_error_with_a_name() =>
        Assert.Equal(CoreErrors.PathNotFound, Assert.Throws<LowRankToolsException>(() => Find("nowhere")).ErrorId);

    [Fact]
    public void One_locator_hands_a_model_out_once()
    {
        string file = _folder.Touch("a.pt");
        ModelLocator locator = new();
        Assert.Single(locator.Find(file));
        Assert.Empty(locator.Find(_folder.Path));
    }

    [Fact]
    public void A_model_json_of_something_else_is_no_model()
    {
        File.WriteAllText(_folder["model.json"], "{\"a\":1}");
        _folder.Touch("x.onnx");
        Assert.Equal(["x.onnx"], Find());
    }

    [Fact]
    public void Links_to_folders_are_not_followed()
    {
        _folder.Touch("a/model.safetensors");
        Directory.CreateSymbolicLink(_folder["a/loop"], _folder.Path);
        Assert.Equal([Path.Combine("a", "model.safetensors")], Find(recurse: true));
    }
}
