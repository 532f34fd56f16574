using System.Management.Automation;
using LowRankTools.Core.Engines.Installing;
using LowRankTools.Core.Engines.Libraries;
using LowRankTools.PowerShell.Paths;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Brings libtorch, which TorchSharp computes with, or ONNX Runtime, or registers one that is there.</summary>
[Cmdlet(VerbsLifecycle.Install, "LowRankEngine", SupportsShouldProcess = true)]
[OutputType(typeof(EngineInstallation))]
public sealed class InstallLowRankEngineCommand : OperationCommandBase
{
    private const string Target = "LowRankTools";

    /// <summary>The engine whose library is brought.</summary>
    [Parameter(Position = 0), ValidateSet(nameof(EngineKind.TorchSharp), "OnnxRuntime")]
    public string Name { get; set; } = nameof(EngineKind.TorchSharp);

    /// <summary>What to compute on: cpu or cuda.</summary>
    [Parameter, ValidateSet("cpu", "cuda")]
    public string? Device { get; set; }

    /// <summary>Folder that holds libtorch already.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true), Alias("FullName"), ValidateNotNullOrEmpty]
    public string? LibTorch { get; set; }

    /// <summary>Folder that holds ONNX Runtime already, or its library.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string? OnnxRuntime { get; set; }

    /// <summary>Package sources in place of those that are configured.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string[] Source { get; set; } = [];

    /// <summary>Whether what is installed is replaced.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => Guarded(LibTorch ?? OnnxRuntime ?? Name, () =>
    {
        InstallEngine operation = new(new InstallEngineOptions
        {
            Name = Name,
            Device = Device,
            LibTorch = LibTorch is null ? null : new PathResolver(this).Literal(LibTorch),
            OnnxRuntime = OnnxRuntime is null ? null : new PathResolver(this).Literal(OnnxRuntime),
            Sources = Source,
            Force = Force,
        });
        string what = operation.Describe();
        if (!ShouldProcess($"{what}.", $"{what}?", Target))
            return;
        EngineInstallation installed = Run(operation.Engine, (progress, token) => operation.Run(progress, token));
        WriteObject(installed);
        if (installed.Note.Length > 0)
            Warn($"It cannot run here yet: {installed.Note}");
    });
}
