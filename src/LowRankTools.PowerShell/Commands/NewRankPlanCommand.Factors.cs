using System.Management.Automation;
using LowRankTools.PowerShell.Completion;

namespace LowRankTools.PowerShell.Commands;

// What the factors are stored as, and which of them layers share.
public sealed partial class NewRankPlanCommand
{
    /// <summary>Most layers of one kind, in blocks that follow each other, that share the factor next to their inputs.</summary>
    [Parameter, ValidateRange(2, int.MaxValue)]
    public int ShareBasis { get; set; }

    /// <summary>Patterns of layers that keep a factor of their own all the same.</summary>
    [Parameter, ValidateNotNullOrEmpty, SupportsWildcards, ArgumentCompleter(typeof(LayerNameCompleter))]
    public string[]? ShareBasisExclude { get; set; }

    /// <summary>Element type of the factors.</summary>
    [Parameter]
    public OutputDType? DType { get; set; }

    /// <summary>Ways to store factors; with -ByteBudget each layer chooses among several of them.</summary>
    [Parameter, ValidateSet("None", "Int8", "Q8_0", "Q4_0")]
    public string[]? Quantize { get; set; }

    /// <summary>Whether matrices that stay dense may be quantised too.</summary>
    [Parameter]
    public SwitchParameter QuantizeDense { get; set; }
}
