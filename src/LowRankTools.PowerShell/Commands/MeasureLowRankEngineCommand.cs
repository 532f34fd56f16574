using System.Management.Automation;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Engines.Measuring;
using LowRankTools.Numerics;
using LowRankTools.PowerShell.Completion;
using LowRankTools.PowerShell.Errors;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Times the engines of this machine, and keeps the times for the choice of an engine.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "LowRankEngine", SupportsShouldProcess = true)]
[OutputType(typeof(EngineTime))]
public sealed class MeasureLowRankEngineCommand : OperationCommandBase
{
    private const string Target = "LowRankTools";

    /// <summary>Names of engines; wildcards are allowed.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty, SupportsWildcards, ArgumentCompleter(typeof(EngineNameCompleter))]
    public string[] Name { get; set; } = ["*"];

    /// <inheritdoc/>
    protected override void ProcessRecord() => Guarded(Target, () =>
    {
        string[] names = [.. EngineList.ComputingNames.Where(n => Array.Exists(Name, p => new WildcardPattern(p, WildcardOptions.IgnoreCase).IsMatch(n)))];
        if (names.Length == 0)
            throw new LowRankToolsException(CommandErrors.EngineNotFound, $"No engine is called '{string.Join("', '", Name)}'.", "Get-LowRankEngine lists them.");
        MeasureEngines operation = new(names);
        string what = $"Time {string.Join(" and ", names)} and keep the times in '{operation.Path}'";
        if (ShouldProcess($"{what}.", $"{what}?", Target))
            WriteObject(Run("engines", operation.Run), enumerateCollection: true);
    });
}
