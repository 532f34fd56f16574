using System.Management.Automation;

namespace LowRankTools.PowerShell.Commands;

// Parameters of how it is computed, which do not change what is asked for.
public sealed partial class NewRankPlanCommand
{
    /// <summary>Whether spectra are computed whatever the cache holds, and not kept.</summary>
    [Parameter]
    public SwitchParameter NoCache { get; set; }

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
