using System.CommandLine;
using System.Globalization;
using LowRankTools.Core;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Numerics;

namespace LowRankTools.Cli.Options;

/// <summary><c>--layer-rank 'encoder.*=32'</c>: ranks by hand.</summary>
internal static class LayerRankOption
{
    private const string Dense = "dense";

    public static Option<LayerOverride[]> Create() => SharedOptions.List("--layer-rank",
        "A rank by hand, or dense, for the layers that a pattern of * and ? names: 'encoder.*=32'; with commas between them, or repeated.", "pattern=rank", Parse);

    private static LayerOverride Parse(string text)
    {
        int split = text.LastIndexOf('=');
        string pattern = split < 0 ? "" : text[..split], rank = text[(split + 1)..];
        if (pattern.Length > 0 && rank.Equals(Dense, StringComparison.OrdinalIgnoreCase))
            return new LayerOverride(pattern, LayerSelection.Pattern(pattern), null);
        return pattern.Length > 0 && int.TryParse(rank, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0
            ? new LayerOverride(pattern, LayerSelection.Pattern(pattern), number)
            : throw new LowRankToolsException(CoreErrors.OptionInvalid, $"--layer-rank {text}: write pattern=rank or pattern=dense.");
    }
}
