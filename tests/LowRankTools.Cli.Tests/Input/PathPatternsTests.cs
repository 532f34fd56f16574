using LowRankTools.Cli.Input;
using LowRankTools.Numerics;

namespace LowRankTools.Cli.Tests.Input;

public sealed class PathPatternsTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string[] Expand(string pattern) => [.. PathPatterns.Expand(_folder[pattern]).Select(p => Path.GetRelativePath(_folder.Root, p).Replace('\\', '/'))];

    [Fact]
    public void A_path_without_wildcards_stays_as_it_is() => Assert.Equal(["nowhere"], Expand("nowhere"));

    [UnixFact]
    public void A_file_that_is_called_like_a_pattern_is_that_file()
    {
        _folder.Text("a*.safetensors", "");
        _folder.Text("ab.safetensors", "");
        Assert.Equal(["a*.safetensors"], Expand("a*.safetensors"));
    }

    [Fact]
    public void Wildcards_stand_in_any_segment_and_matches_come_in_order()
    {
        _folder.Text("b/x/m.pt", "");
        _folder.Text("a/x/m.pt", "");
        _folder.Text("a/y/m.gguf", "");
        Assert.Equal(["a/x/m.pt", "a/y/m.gguf", "b/x/m.pt"], Expand("?/*/m.*"));
        Assert.Equal(["a/x/m.pt", "b/x/m.pt"], Expand("*/x/m.pt"));
    }

    [Fact]
    public void Wildcards_find_models_and_folders_before_anything_else()
    {
        _folder.Text("n/config.json", "");
        _folder.Text("n/m.safetensors", "");
        _folder.Text("n/.hidden.safetensors", "");
        Assert.Equal(["n/m.safetensors"], Expand("n/*"));
        Assert.Equal(["n/config.json"], Expand("n/c*"));
    }

    [Fact]
    public void A_pattern_without_a_match_is_an_error()
    {
        LowRankToolsException error = Assert.Throws<LowRankToolsException>(() => Expand("*.nothing"));
        Assert.Equal("PathNotFound", error.ErrorId);
    }
}
