using System.CommandLine;

namespace LowRankTools.Cli.Options;

/// <summary>Options that several verbs of adapters have.</summary>
internal static class LoraOptions
{
    /// <summary>The scale of adapters that do not say theirs.</summary>
    public static Option<double?> Alpha() => SharedOptions.Number<double>("--alpha", "Numerator of the scale, for adapters that do not say theirs.", a => double.IsFinite(a) && a != 0, "an alpha is a number other than zero");
}
