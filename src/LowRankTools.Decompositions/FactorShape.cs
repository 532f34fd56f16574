namespace LowRankTools.Decompositions;

/// <summary>What a factor will be called and how large it will be.</summary>
/// <param name="Name">Name among the factors.</param>
/// <param name="Shape">Sizes of its modes.</param>
public sealed record FactorShape(string Name, IReadOnlyList<int> Shape)
{
    /// <summary>Number of entries.</summary>
    public long Length => Shape.Aggregate(1L, (product, size) => checked(product * size));
}
