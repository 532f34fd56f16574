using System.Management.Automation;
using LowRankTools.Core.Engines.Installing;
using LowRankTools.Core.Engines.Libraries;
using LowRankTools.PowerShell.Formatting;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Removes the library of an engine that was installed.</summary>
[Cmdlet(VerbsLifecycle.Uninstall, "LowRankEngine", SupportsShouldProcess = true)]
[OutputType(typeof(EngineInstallation))]
public sealed class UninstallLowRankEngineCommand : LowRankCommandBase
{
    /// <summary>The engine.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateSet(nameof(EngineKind.TorchSharp), "OnnxRuntime")]
    public string Name { get; set; } = nameof(EngineKind.TorchSharp);

    /// <inheritdoc/>
    protected override void ProcessRecord() => Guarded(Name, () =>
    {
        UninstallEngine operation = new(Name);
        EngineInstallation found = operation.Find();
        string what = found.Bytes > 0 ? $"Remove {operation.Title} ({Display.Bytes(found.Bytes)}) from '{found.Path}'" : $"Forget {operation.Title} in '{found.Path}'";
        if (ShouldProcess($"{what}.", $"{what}?", "LowRankTools"))
            WriteObject(operation.Run());
    });
}
