using System.Management.Automation;
using LowRankTools.Core;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Removes the libtorch that was installed.</summary>
[Cmdlet(VerbsLifecycle.Uninstall, "LowRankEngine", SupportsShouldProcess = true)]
[OutputType(typeof(EngineInstallation))]
public sealed class UninstallLowRankEngineCommand : LowRankCommandBase
{
    /// <summary>The engine; TorchSharp is the one that is installed.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateSet(nameof(EngineKind.TorchSharp))]
    public string Name { get; set; } = nameof(EngineKind.TorchSharp);

    /// <inheritdoc/>
    protected override void ProcessRecord() => Guarded(Name, () =>
    {
        UninstallEngine operation = new();
        EngineInstallation found = operation.Find();
        string what = found.Bytes > 0 ? $"Remove libtorch ({Display.Bytes(found.Bytes)}) from '{found.Path}'" : $"Forget libtorch in '{found.Path}'";
        if (ShouldProcess($"{what}.", $"{what}?", "LowRankTools"))
            WriteObject(operation.Run());
    });
}
