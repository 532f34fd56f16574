using System.Management.Automation;
using LowRankTools.Core;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Brings libtorch, which TorchSharp computes with, or registers one that is there.</summary>
[Cmdlet(VerbsLifecycle.Install, "LowRankEngine", SupportsShouldProcess = true)]
[OutputType(typeof(EngineInstallation))]
public sealed class InstallLowRankEngineCommand : OperationCommandBase
{
    private const string Target = "LowRankTools";

    /// <summary>What to compute on: cpu or cuda.</summary>
    [Parameter, ValidateSet("cpu", "cuda")]
    public string? Device { get; set; }

    /// <summary>Folder that holds libtorch already.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true), Alias("FullName"), ValidateNotNullOrEmpty]
    public string? LibTorch { get; set; }

    /// <summary>Package sources in place of those that are configured.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string[] Source { get; set; } = [];

    /// <summary>Whether what is installed is replaced.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => Guarded(LibTorch ?? nameof(EngineKind.TorchSharp), () =>
    {
        InstallEngine operation = new(new InstallEngineOptions
        {
            Device = Device,
            LibTorch = LibTorch is null ? null : new PathResolver(this).Literal(LibTorch),
            Sources = Source,
            Force = Force,
        });
        string what = operation.Describe();
        if (!ShouldProcess($"{what}.", $"{what}?", Target))
            return;
        EngineInstallation installed = Run(nameof(EngineKind.TorchSharp), (progress, token) => operation.Run(progress, token));
        WriteObject(installed);
        if (installed.Note.Length > 0)
            Warn($"It cannot run here yet: {installed.Note}");
    });
}
