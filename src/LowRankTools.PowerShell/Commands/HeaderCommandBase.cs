using System.Management.Automation;
using LowRankTools.Core.Models;
using LowRankTools.Formats.Remote;

namespace LowRankTools.PowerShell.Commands;

/// <summary>A cmdlet to which headers are enough: it takes addresses of models on servers too.</summary>
public abstract class HeaderCommandBase : PathCommandBase
{
    /// <summary>Whether addresses of http are read from other machines too.</summary>
    [Parameter]
    public SwitchParameter AllowUnencrypted { get; set; }

    private protected override bool TakesAddresses => true;

    /// <summary>Reads a model's headers: at once on this machine, and so that Ctrl+C is heard where a server is asked.</summary>
    private protected T Read<T>(ModelSource source, Func<RemoteOptions?, T> work) => source.IsRemote
        ? Run(source.Name, (_, token) => work(new RemoteOptions { AllowUnencrypted = AllowUnencrypted, CancellationToken = token }))
        : work(null);
}
