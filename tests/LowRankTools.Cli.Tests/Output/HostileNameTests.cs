using LowRankTools.Tests;

namespace LowRankTools.Cli.Tests.Output;

/// <summary>Names that would turn the screen's text about, and things in a folder that are no models.</summary>
public sealed class HostileNameTests : IDisposable
{
    private const string Turned = "layer.\u202Ethgiew";

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Marks_of_direction_reach_neither_screen_nor_json()
    {
        _folder.Write("m.safetensors", 1, (Turned, [4, 4]));
        CliRun table = await CliRun.Of("shapes", _folder["m.safetensors"]);
        Assert.DoesNotContain('\u202E', table.Out);
        Assert.Contains("layer.\\u202Ethgiew", table.Out, StringComparison.Ordinal);
        CliRun json = await CliRun.Of("shapes", _folder["m.safetensors"], "--json");
        Assert.DoesNotContain('\u202E', json.Out);
        Assert.Equal(Turned, json.Json[0].GetProperty("Name").GetString());
    }

    [UnixFact]
    public async Task What_is_passed_over_in_a_folder_is_warned_of_and_the_rest_is_listed()
    {
        _folder.Model("a/model.safetensors");
        SpecialFile.Pipe(_folder["a/\u202Eb.safetensors"]);
        Directory.CreateDirectory(_folder["deep"]);
        using IDisposable deep = SpecialFile.Unlistable(_folder["deep"]);
        CliRun run = await CliRun.Of("count", _folder.Root, "--recurse", "--json");
        Assert.Equal(0, run.Code);
        Assert.Single(run.Json);
        Assert.Equal(2, run.ErrorLines.Length);
        Assert.All(run.ErrorLines, line => Assert.StartsWith("warning: ", line, StringComparison.Ordinal));
        Assert.DoesNotContain('\u202E', run.Error);
    }

    [UnixFact]
    public async Task A_name_that_is_no_text_is_shown_by_its_bytes()
    {
        if (OperatingSystem.IsMacOS())
            return; // its file systems hold text only
        using IDisposable raw = SpecialFile.RawName(_folder.Root, [.. "w"u8, 0xFF, .. ".safetensors"u8]);
        CliRun folder = await CliRun.Of("count", _folder.Root);
        CliRun named = await CliRun.Of("count", _folder["w\uFFFD.safetensors"]);
        Assert.All([folder, named], run =>
        {
            Assert.Equal(1, run.Code);
            Assert.Contains("error FileNameInvalid: ", run.Error, StringComparison.Ordinal);
            Assert.Contains("w\\xFF.safetensors", run.Error, StringComparison.Ordinal);
        });
    }
}
