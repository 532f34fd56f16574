using System.Management.Automation;
using LowRankTools.Core;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Times the engines of this machine, and keeps the times for the choice of an engine.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "LowRankEngine", SupportsShouldProcess = true)]
[OutputType(typeof(EngineTime))]
public sealed class MeasureLowRankEngineCommand : OperationCommandBase
{
    private const string Target = "LowRankTools";

    /// <inheritdoc/>
    protected override void ProcessRecord() => Guarded(Target, () =>
    {
        MeasureEngines operation = new();
        string what = $"Time every engine and keep the times in '{operation.Path}'";
        if (ShouldProcess($"{what}.", $"{what}?", Target))
            WriteObject(Run("engines", operation.Run), enumerateCollection: true);
    });
}
