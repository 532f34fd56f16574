using System.CommandLine;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Core.Text;

namespace LowRankTools.Cli.Options;

/// <summary>What computes.</summary>
internal sealed class EngineOptions
{
    private readonly Option<string?> _engine = SharedOptions.Choice("--engine", "Engine that computes; by default what 'engines measure' found to be the fastest, without it the embedded one.", Enum.GetNames<EngineKind>());
    private readonly Option<string?> _device = new("--device") { Description = "Device to compute on: cpu, cuda, or cuda:1 for the second one.", HelpName = "device" };

    public void AddTo(Command command)
    {
        command.Add(_engine);
        command.Add(_device);
    }

    /// <summary>The choice; a fallback is told at once.</summary>
    public EngineChoice Choice(ParseResult parsed, ConsoleContext console)
    {
        EngineKind engine = parsed.GetValue(_engine) is { } name ? Enum.Parse<EngineKind>(name, ignoreCase: true) : EngineKind.Auto;
        EngineChoice choice = new() { Engine = engine, Device = parsed.GetValue(_device) };
        SelectedEngine selected = EngineSelector.Select(choice);
        if (selected.Fallback.Length > 0)
            console.Error.WriteLine(SafeText.Line($"note: the embedded engine computes. {selected.Fallback}"));
        return choice;
    }
}
