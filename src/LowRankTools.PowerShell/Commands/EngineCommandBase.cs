using System.Management.Automation;
using LowRankTools.Core.Engines;
using LowRankTools.PowerShell.Completion;

namespace LowRankTools.PowerShell.Commands;

/// <summary>A cmdlet that takes models by path and computes on an engine.</summary>
// A class has one base: what computes without paths, or writes what it computed, declares these parameters again, and a
// convention test compares the declarations.
public abstract class EngineCommandBase : PathCommandBase
{
    /// <summary>Threads to compute with; every core by default.</summary>
    [Parameter, ValidateRange(1, 256)]
    public int ThreadCount { get; set; }

    /// <summary>Engine that computes; the embedded one by default.</summary>
    [Parameter, ValidateSet("Auto", "Embedded", "TorchSharp")]
    public string Engine { get; set; } = "Auto";

    /// <summary>Device to compute on.</summary>
    [Parameter, ValidateNotNullOrEmpty, ArgumentCompleter(typeof(DeviceNameCompleter))]
    public string? Device { get; set; }

    private protected EngineChoice ChosenEngine => Choice(Engine, Device);

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        Required(null, () => TellEngine(ChosenEngine));
    }
}
