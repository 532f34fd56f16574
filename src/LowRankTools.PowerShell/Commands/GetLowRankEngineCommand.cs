using System.Management.Automation;
using LowRankTools.Core.Engines;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.PowerShell.Completion;
using LowRankTools.PowerShell.Errors;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Lists the engines that can compute here, and why one cannot.</summary>
[Cmdlet(VerbsCommon.Get, "LowRankEngine")]
[OutputType(typeof(EngineInfo))]
public sealed class GetLowRankEngineCommand : LowRankCommandBase
{
    /// <summary>Names of engines; wildcards are allowed.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty, SupportsWildcards, ArgumentCompleter(typeof(EngineNameCompleter))]
    public string[] Name { get; set; } = ["*"];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string name in Name)
        {
            WildcardPattern pattern = new(name, WildcardOptions.IgnoreCase);
            EngineInfo[] found = [.. EngineList.All.Where(e => pattern.IsMatch(e.Name))];
            if (found.Length == 0 && !WildcardPattern.ContainsWildcardCharacters(name))
            {
                Guarded(name, () => throw new LowRankToolsException(CommandErrors.EngineNotFound, $"No engine is called '{name}'.", "Get-LowRankEngine lists them."));
            }
            WriteObject(found, enumerateCollection: true);
            if (found.Any(e => !e.Available) && EngineList.LoaderText is { Length: > 0 } text)
                Tell($"The loader said: {text}");
        }
    }
}
