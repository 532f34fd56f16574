using System.CommandLine;
using LowRankTools.Cli.Commands;
using LowRankTools.Cli.Input;

namespace LowRankTools.Cli.Tests.Input;

/// <summary>What the help ends with can be typed as it stands.</summary>
public sealed class VerbExamplesTests : IDisposable
{
    /// <summary>These take long, or change what the user has installed.</summary>
    private static readonly string[] s_onlyRead = ["demo", "engines measure", "engines install --device cpu", "engines install --lib-torch libtorch", "engines uninstall --what-if"];

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Every_verb_that_does_something_has_an_example_and_shows_it()
    {
        foreach (string verb in Verbs(CommandTree.Build([], new ConsoleContext(TextWriter.Null, TextWriter.Null, Terminal.None, default)), ""))
        {
            string[] examples = VerbExamples.Of(verb);
            Assert.True(examples.Length > 0, $"'{verb}' has no example");
            Assert.All(examples, e => Assert.StartsWith(verb, e, StringComparison.Ordinal));
            string help = (await CliRun.Of([.. verb.Split(' '), "--help"])).Out;
            Assert.All(examples, e => Assert.Contains($"\n  lowrank {e}\n", help.ReplaceLineEndings("\n"), StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task They_run_from_top_to_bottom()
    {
        await Inputs();
        foreach (string example in VerbExamples.All.SelectMany(e => e.Lines).Except(s_onlyRead))
        {
            CliRun run = await CliRun.Of(Arguments(example));
            Assert.True(run.Code == 0, $"lowrank {example}: {run.Error}");
        }
    }

    [Fact]
    public void Those_that_are_not_run_are_understood()
    {
        RootCommand root = CommandTree.Build([], new ConsoleContext(TextWriter.Null, TextWriter.Null, Terminal.None, default));
        Assert.Empty(s_onlyRead.Except(VerbExamples.All.SelectMany(e => e.Lines)));
        Assert.All(s_onlyRead, line => Assert.Empty(root.Parse(Arguments(line)).Errors));
    }

    private async Task Inputs()
    {
        _folder.Model();
        _folder.Model("tuned.safetensors", seed: 2);
        _folder.Model("models/model.safetensors");
        Assert.Equal(0, (await CliRun.Of("new", "--preset", "gpt2-tiny", "--output-path", _folder["gpt"])).Code);
        Random random = new(1);
        File.WriteAllLines(_folder["tokens.txt"], Enumerable.Range(0, 60).Select(_ => string.Join(' ', Enumerable.Range(0, 10).Select(_ => random.Next(200)))));
        Assert.Equal(0, (await CliRun.Of("new", "--preset", "llama-tiny", "--output-path", _folder["llama"])).Code);
        Assert.Equal(0, (await CliRun.Of("calibrate", _folder["llama"], "--token-path", _folder["tokens.txt"], "--output-path", _folder["heads.safetensors"])).Code);
        foreach (string adapter in (string[])["style", "pose"])
            Assert.Equal(0, (await CliRun.Of("lora", "new", _folder["gpt"], "--rank", "4", "--output-path", _folder[adapter])).Code);
    }

    /// <summary>The words of a line, as a shell splits them, with names of files in the test's folder.</summary>
    private string[] Arguments(string line)
    {
        string[] words = [.. line.Split(' ').Select(w => w.Trim('\''))];
        for (int i = 1; i < words.Length; i++)
        {
            if (words[i - 1] is "--output-path" or "--output" || Path.Exists(_folder[words[i]]))
                words[i] = _folder[words[i]];
        }
        return words;
    }

    private static IEnumerable<string> Verbs(Command command, string before)
    {
        foreach (Command verb in command.Subcommands)
        {
            string name = $"{before}{verb.Name}";
            if (verb.Action is not null)
                yield return name;
            foreach (string below in Verbs(verb, $"{name} "))
                yield return below;
        }
    }
}
