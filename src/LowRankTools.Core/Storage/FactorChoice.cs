using LowRankTools.Core.Layers;

namespace LowRankTools.Core.Storage;

/// <summary>What a layer becomes: a pair of a rank, or a chain of convolutions by a method with its ranks.</summary>
/// <param name="Method">Name of the method; <c>Svd</c> for the pair of a matrix.</param>
/// <param name="Ranks">Its ranks: one, or for Tucker those of outputs and of channels.</param>
public sealed record FactorChoice(string Method, Dimensions Ranks)
{
    /// <summary>Method of pairs.</summary>
    internal const string Pair = "Svd";

    /// <summary>The largest rank.</summary>
    internal int Largest => (int)Ranks.Sizes.Max();

    /// <summary>The ranks as numbers.</summary>
    internal int[] Numbers => [.. Ranks.Sizes.Select(r => (int)r)];

    internal static FactorChoice? OfPair(int? rank) => rank is { } r ? new FactorChoice(Pair, [r]) : null;

    internal static FactorChoice Of(string method, IReadOnlyList<int> ranks) => new(method, [.. ranks.Select(r => (long)r)]);

    /// <summary>The method and its ranks: <c>Tucker 32 x 16</c>.</summary>
    public override string ToString() => $"{Method} {string.Join(" x ", Ranks.Sizes)}";
}
