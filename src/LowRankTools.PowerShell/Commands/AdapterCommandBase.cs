using System.Management.Automation;

namespace LowRankTools.PowerShell.Commands;

/// <summary>A cmdlet that writes an adapter whose ranks are chosen by singular values.</summary>
public abstract class AdapterCommandBase : AdapterOutputCommandBase
{
    /// <summary>Components to keep of every module.</summary>
    [Parameter, ValidateRange(1, int.MaxValue)]
    public int? Rank { get; set; }

    /// <summary>Share of the squared singular values to keep.</summary>
    [Parameter]
    public double? Energy { get; set; }

    /// <summary>Most components of a module, whatever the rule says.</summary>
    [Parameter, ValidateRange(1, int.MaxValue)]
    public int? MaxRank { get; set; }
}
