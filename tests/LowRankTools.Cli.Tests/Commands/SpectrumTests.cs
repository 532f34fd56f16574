using System.Text.Json;
using LowRankTools.Cli.Commands;

namespace LowRankTools.Cli.Tests.Commands;

public sealed class SpectrumTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_diagonal_has_its_entries_as_singular_values()
    {
        string model = _folder.Write("m.safetensors", [("fc.weight", [3, 4])], i => i % 5 == 0 ? 3 - i / 5 : 0);
        CliRun run = await CliRun.Of("spectrum", model, "--json");
        JsonElement spectrum = Assert.Single(run.Json);
        Assert.Equal([3.0, 2.0, 1.0], spectrum.GetProperty("SingularValues").EnumerateArray().Select(v => Math.Round(v.GetDouble(), 6)));
        Assert.Equal(14.0 / 9, spectrum.GetProperty("StableRank").GetDouble(), 6);
        Assert.Equal(2, (await CliRun.Of("spectrum", model, "--json", "--top", "2")).Json[0].GetProperty("SingularValues").GetArrayLength());
    }

    [Fact]
    public async Task Layers_are_chosen_as_elsewhere_and_told_for_people()
    {
        CliRun run = await CliRun.Of("spectrum", _folder.Model(), "--exclude", "attn*", "--include-embedding", "--no-cache");
        Assert.Equal(0, run.Code);
        foreach (string name in new[] { "embed.weight", "mlp.up.weight", "Effective rank", "Break-even", "3 layers" })
            Assert.Contains(name, run.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("attn", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void A_screen_shows_how_values_fall_and_a_file_does_not()
    {
        string model = _folder.Write("m.safetensors", [("fc.weight", [3, 4])], i => i % 5 == 0 ? 3 - i / 5 : 0);
        using StringWriter screen = new(), old = new(), file = new();
        Run(screen, new Terminal(Output: true, Error: true, Color: false, Width: 160));
        Run(old, new Terminal(Output: true, Error: true, Color: false, Width: 160, Blocks: false));
        Run(file, Terminal.None);
        // 3, 2, 1 of 3 in eighths.
        Assert.Contains("\u2588\u2586\u2583", screen.ToString(), StringComparison.Ordinal);
        Assert.Contains("#*-", old.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("Values", file.ToString(), StringComparison.Ordinal);

        void Run(StringWriter output, Terminal terminal) =>
            Assert.Equal(0, ConsoleApp.Run(["spectrum", model, "--no-cache"], new ConsoleContext(output, TextWriter.Null, terminal, CancellationToken.None)));
    }
}
