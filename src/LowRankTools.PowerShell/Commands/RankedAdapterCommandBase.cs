using System.Management.Automation;
using LowRankTools.Core.Adapters;
using LowRankTools.PowerShell.Binding;

namespace LowRankTools.PowerShell.Commands;

/// <summary>A cmdlet that makes adapters of adapters, whose singular values are all known.</summary>
public abstract class RankedAdapterCommandBase : AdapterCommandBase
{
    /// <summary>Share of the sum of singular values to keep.</summary>
    [Parameter]
    public double? CumulativeRatio { get; set; }

    /// <summary>Keeps singular values that are at least the largest one divided by this.</summary>
    [Parameter]
    public double? SigmaRatio { get; set; }

    /// <summary>Numerator of the scale, for adapters that do not say theirs.</summary>
    [Parameter]
    public double? Alpha { get; set; }

    /// <summary>The rule that was given; null for none.</summary>
    /// <exception cref="LowRankTools.Numerics.LowRankToolsException"><c>OptionInvalid</c>: several were.</exception>
    private protected AdapterRank? Rule => AdapterRanks.Of(Rank, Energy, CumulativeRatio, SigmaRatio, MaxRank);
}
