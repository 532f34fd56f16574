using LowRankTools.Core.Layers;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Spectra;
using LowRankTools.Core.Storage;
using LowRankTools.Decompositions.Pivoted;

namespace LowRankTools.Core.Planning.Candidates;

/// <summary>
/// What a linear layer may become as a pivoted pair: ranks lose what they lose in a pair, by the same values, and cost less. A rank more costs the less the higher it is, so
/// costs are uneven, and the solver takes the ranks on the hull.
/// </summary>
internal static class PivotedOptions
{
    private static readonly PivotedLayer s_method = new();

    /// <summary>Whether a candidate becomes one: embeddings, whose rows are looked up, stay pairs.</summary>
    public static bool Takes(PlanCandidate candidate) =>
        candidate is { IsOpen: true, Cost: { Kernel: null, Weight: not null, Kind: not LayerKind.Embedding }, Override: null or { Rank: not null } } && s_method.Takes(candidate.Cost.Weight);

    /// <summary>Gives a candidate its options, by its values where these are known.</summary>
    public static void Give(PlanCandidate candidate, PlanOptions options)
    {
        IReadOnlyList<int> shape = candidate.Cost.Weight!;
        int most = s_method.MostRanks(shape)[0];
        double? energy = candidate.Values is { } values ? SpectrumMeasures.SquaredNorm(values) : null;
        candidate.Energy = energy;
        candidate.Options = [.. Ranks(candidate, options, shape, most).Where(r => candidate.Override is not null || s_method.Parameters(shape, [r]) < candidate.Cost.DenseParameters)
            .Select(r => new LayerOption(FactorChoice.Of(s_method.Name, [r]), s_method.Parameters(shape, [r]), energy is null ? null : SpectrumMeasures.RelativeError(candidate.Values, r)))];
    }

    private static IEnumerable<int> Ranks(PlanCandidate candidate, PlanOptions options, IReadOnlyList<int> shape, int most)
    {
        if (candidate.Override is { Rank: { } byHand })
            return [Math.Min(byHand, most)];
        int multiple = options.Multiple;
        int Down(int rank) => Math.Max(rank / multiple * multiple, options.FirstRank);
        return options.Rule switch
        {
            RankRule.Fixed(int rank) => rank <= most ? [rank] : [],
            RankRule.KeepRatio(double ratio) => [Math.Min(most, Down(s_method.RanksWithin(shape, ratio * candidate.Cost.DenseParameters)[0]))],
            RankRule.Energy(double share) when Up(SpectrumMeasures.RankForEnergy(candidate.Values, share)) is var rank => rank <= most ? [rank] : [],
            _ => Enumerable.Range(1, most).Where(r => r >= options.FirstRank && r % multiple == 0),
        };

        int Up(int rank) => Math.Max((rank + multiple - 1) / multiple * multiple, options.FirstRank);
    }
}
