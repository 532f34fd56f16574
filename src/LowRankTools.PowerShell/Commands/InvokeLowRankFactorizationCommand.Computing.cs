using System.Management.Automation;
using LowRankTools.PowerShell.Completion;

namespace LowRankTools.PowerShell.Commands;

// Parameters of how it is computed, which do not change what is asked for.
public sealed partial class InvokeLowRankFactorizationCommand
{
    /// <summary>Whether -Energy computes spectra whatever the cache holds, and keeps none.</summary>
    [Parameter]
    public SwitchParameter NoCache { get; set; }

    /// <summary>Seed of the random start; the same seed gives the same bytes.</summary>
    [Parameter, ValidateRange(0, int.MaxValue)]
    public int Seed { get; set; }

    /// <summary>Threads to compute with; every core by default.</summary>
    [Parameter, ValidateRange(1, 256)]
    public int ThreadCount { get; set; }

    /// <summary>Engine that computes; the embedded one by default.</summary>
    [Parameter, ValidateSet("Auto", "Embedded", "TorchSharp")]
    public string Engine { get; set; } = "Auto";

    /// <summary>Device to compute on.</summary>
    [Parameter, ValidateNotNullOrEmpty, ArgumentCompleter(typeof(DeviceNameCompleter))]
    public string? Device { get; set; }
}
