using System.CommandLine;
using LowRankTools.Formats;

namespace LowRankTools.Cli.Options;

/// <summary>How what is written is rounded to few bits.</summary>
internal sealed class QuantizeOptions
{
    private readonly Option<string?> _kind = SharedOptions.Choice("--quantize", "Quantise the factors: int8 with a scale for each row, or blocks of 32 with 8 or 4 bits.", Enum.GetNames<WeightQuantization>());
    private readonly Option<bool> _dense = new("--quantize-dense") { Description = "Quantise matrices that stay dense too." };

    public void AddTo(Command command)
    {
        command.Add(_kind);
        command.Add(_dense);
    }

    /// <summary>How factors are quantised; null for not.</summary>
    public WeightQuantization? Kind(ParseResult parsed) => parsed.GetValue(_kind) is { } kind ? Enum.Parse<WeightQuantization>(kind, ignoreCase: true) : null;

    /// <summary>Whether matrices that stay dense are quantised too.</summary>
    public bool Dense(ParseResult parsed) => parsed.GetValue(_dense);
}
