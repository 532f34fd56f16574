using System.CommandLine;
using LowRankTools.Formats.Remote;

namespace LowRankTools.Cli.Options;

/// <summary>What verbs have to which headers are enough: models on servers are theirs too.</summary>
internal sealed class HeaderOptions
{
    private readonly Option<bool> _allowUnencrypted = new("--allow-unencrypted") { Description = "Read headers from other machines over http:// too." };

    /// <summary>Paths and addresses.</summary>
    public Argument<string[]> Paths { get; } = MakePaths();

    public void AddTo(Command command) => command.Add(_allowUnencrypted);

    /// <summary>How servers are asked.</summary>
    public RemoteOptions Remote(ParseResult parsed, ConsoleContext console) =>
        new() { AllowUnencrypted = parsed.GetValue(_allowUnencrypted), CancellationToken = console.Cancellation };

    private static Argument<string[]> MakePaths()
    {
        Argument<string[]> paths = SharedOptions.Paths();
        paths.Description = "Model files, shard indexes, folders, or https:// addresses of files; * and ? are expanded.";
        return paths;
    }
}
