using System.Globalization;
using LowRankTools.Core.Layers;
using LowRankTools.Decompositions.TensorTrainMatrices;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Planning.Candidates;

/// <summary>Splits of sizes into modes as people write them.</summary>
public static class ModeSplits
{
    private const int MostNamed = 8;

    /// <summary>Reads <c>4x8x8x4</c>, the modes of a size of 1024.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    public static IReadOnlyList<int> Parse(string text) => ModeSplit.Parse(text)
        ?? throw new LowRankToolsException(CoreErrors.OptionInvalid, $"'{text}' splits no size into modes.", $"Modes are 2 to {ModeSplit.MostModes} whole numbers with x between them, such as 4x8x8x4 for a size of 1024.");

    /// <summary>Refuses a split that no chosen matrix has a side for: it would be passed over without a word.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    internal static void Require(IReadOnlyList<IReadOnlyList<int>> splits, IEnumerable<PlanCandidate> candidates)
    {
        if (splits.Count == 0)
            return;
        HashSet<long> sides = [.. candidates.Where(c => c.Reason == KeepReason.None && c.Cost.Kernel is null).SelectMany(c => new[] { c.Cost.Size.Rows, c.Cost.Size.Columns })];
        if (splits.FirstOrDefault(s => !sides.Contains(s.Aggregate(1L, (product, mode) => product * mode))) is not { } odd)
            return;
        string size = odd.Aggregate(1L, (product, mode) => product * mode).ToString(CultureInfo.InvariantCulture);
        throw new LowRankToolsException(CoreErrors.OptionInvalid, $"The modes {string.Join('x', odd)} are those of a size of {size}, which no side of the chosen matrices has.",
            sides.Count == 0 ? "Choose linear layers or embeddings." : $"Their sides are {string.Join(", ", sides.Order().Take(MostNamed))}{(sides.Count > MostNamed ? " and others" : "")}.");
    }
}
