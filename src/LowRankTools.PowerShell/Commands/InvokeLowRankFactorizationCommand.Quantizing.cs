using System.Management.Automation;
using LowRankTools.Formats.Quantization;

namespace LowRankTools.PowerShell.Commands;

// How what is written is rounded to few bits, or made zero.
public sealed partial class InvokeLowRankFactorizationCommand
{
    /// <summary>How the factors are quantised.</summary>
    [Parameter, ValidateSet("Int8", "Q8_0", "Q4_0")]
    public string? Quantize { get; set; }

    /// <summary>Whether matrices that stay dense are quantised too.</summary>
    [Parameter]
    public SwitchParameter QuantizeDense { get; set; }

    /// <summary>Pattern of zeros in linear weights that stay dense.</summary>
    [Parameter, ValidateSet("2:4")]
    public string? DenseSparsity { get; set; }

    private WeightQuantization? ChosenQuantization => Quantize is null ? null : Enum.Parse<WeightQuantization>(Quantize, ignoreCase: true);
}
