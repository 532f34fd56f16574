using LowRankTools.Decompositions;
using LowRankTools.Numerics;

namespace LowRankTools.Core;

/// <summary>Splits of sizes into modes as people write them.</summary>
public static class ModeSplits
{
    /// <summary>Reads <c>4x8x8x4</c>, the modes of a size of 1024.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    public static IReadOnlyList<int> Parse(string text) => ModeSplit.Parse(text)
        ?? throw new LowRankToolsException(CoreErrors.OptionInvalid, $"'{text}' splits no size into modes.", $"Modes are 2 to {ModeSplit.MostModes} whole numbers with x between them, such as 4x8x8x4 for a size of 1024.");
}
