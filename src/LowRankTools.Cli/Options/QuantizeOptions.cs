using System.CommandLine;
using LowRankTools.Formats.Quantization;

namespace LowRankTools.Cli.Options;

/// <summary>How what is written is rounded to few bits.</summary>
internal sealed class QuantizeOptions
{
    private const string None = nameof(None);

    private readonly Option<string[]> _kinds;
    private readonly Option<bool> _dense = new("--quantize-dense") { Description = "Quantise matrices that stay dense too." };

    private QuantizeOptions(string description, ArgumentArity arity, params string[] values)
    {
        _kinds = new("--quantize") { Description = description, HelpName = string.Join('|', values).ToLowerInvariant(), Arity = arity, AllowMultipleArgumentsPerToken = arity.MaximumNumberOfValues > 1 };
        _kinds.AcceptOnlyFromAmong(StringComparer.OrdinalIgnoreCase, values);
    }

    /// <summary>One way for all.</summary>
    public static QuantizeOptions One() =>
        new("Quantise the factors: int8 with a scale for each row, or blocks of 32 with 8 or 4 bits.", ArgumentArity.ExactlyOne, Enum.GetNames<WeightQuantization>());

    /// <summary>Several, among which each layer chooses.</summary>
    public static QuantizeOptions Several() =>
        new("Ways to store factors; with --byte-budget each layer chooses among several.", ArgumentArity.OneOrMore, [None, .. Enum.GetNames<WeightQuantization>()]);

    public void AddTo(Command command)
    {
        command.Add(_kinds);
        command.Add(_dense);
    }

    /// <summary>How factors are quantised; null for not.</summary>
    public WeightQuantization? Kind(ParseResult parsed) => Kinds(parsed) is [var kind, ..] ? kind : null;

    /// <summary>The ways given, null for none.</summary>
    public IReadOnlyList<WeightQuantization?> Kinds(ParseResult parsed) =>
        [.. (parsed.GetValue(_kinds) ?? []).Distinct(StringComparer.OrdinalIgnoreCase).Select(k => Enum.TryParse(k, ignoreCase: true, out WeightQuantization kind) ? kind : (WeightQuantization?)null)];

    /// <summary>Whether matrices that stay dense are quantised too.</summary>
    public bool Dense(ParseResult parsed) => parsed.GetValue(_dense);
}
