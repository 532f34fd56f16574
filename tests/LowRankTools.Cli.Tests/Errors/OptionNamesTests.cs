using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using LowRankTools.Cli.Commands;
using LowRankTools.Cli.Errors;

namespace LowRankTools.Cli.Tests.Errors;

public sealed partial class OptionNamesTests
{
    [Theory]
    [InlineData("Use -Force to replace it, or choose another -OutputPath.", "Use --force to replace it, or choose another --output-path.")]
    [InlineData("Write shards with -MaxShardSize.", "Write shards with --max-shard-size.")]
    [InlineData("See -DType and -IncludeEmbedding", "See --dtype and --include-embedding")]
    [InlineData("what Invoke-LowRankFactorization wrote", "what lowrank factorize wrote")]
    [InlineData("a low-Rank thing, --Force, - Force, -p:TorchBackend", "a low-Rank thing, --Force, - Force, -p:TorchBackend")]
    [InlineData("", "")]
    public void Parameters_of_cmdlets_become_options(string remedy, string expected) => Assert.Equal(expected, OptionNames.Translate(remedy));

    /// <summary>Every parameter that a library's error advises has an option of that name here.</summary>
    [Fact]
    public void Every_remedy_in_the_sources_names_an_option_that_exists()
    {
        HashSet<string> options = [.. CommandTree.Build([], new ConsoleContext(TextWriter.Null, TextWriter.Null, Terminal.None, default))
            .Subcommands.SelectMany(c => c.Subcommands.Prepend(c)).SelectMany(c => c.Options).Select(o => o.Name)];
        string sources = Path.Combine(Path.GetDirectoryName(ThisFile())!, "../../../src");
        string[] named = [.. new[] { "LowRankTools.Core", "LowRankTools.Formats", "LowRankTools.Numerics" }
            .SelectMany(p => Directory.EnumerateFiles(Path.Combine(sources, p), "*.cs", SearchOption.AllDirectories))
            .SelectMany(File.ReadLines)
            .Where(line => !line.TrimStart().StartsWith("//", StringComparison.Ordinal))
            .SelectMany(line => Literal().Matches(line))
            .SelectMany(literal => Parameter().Matches(literal.Value))
            .Select(m => m.Groups[1].Value).Distinct()];
        Assert.Contains("Force", named);
        Assert.All(named, parameter => Assert.Contains(OptionNames.ToOption(parameter), options));
    }

    private static string ThisFile([CallerFilePath] string path = "") => path;

    [GeneratedRegex("\"[^\"]*\"")]
    private static partial Regex Literal();

    [GeneratedRegex(@"(?<![\w-])-([A-Z][A-Za-z]+)\b")]
    private static partial Regex Parameter();
}
