namespace LowRankTools.Networks;

/// <summary>
/// Puts pairs where a source of weights holds pairs: where <c>X.0.weight</c> and <c>X.1.weight</c> are there instead of
/// <c>X.weight</c>, the layer X becomes the pair of that rank.
/// </summary>
public static class PairPlacement
{
    /// <summary>Replaces layers of a network whose parameters are not loaded yet. A layer in two places becomes one pair in both.</summary>
    /// <param name="network">The network, as its configuration describes it: dense.</param>
    /// <param name="source">Names and shapes of the weights.</param>
    /// <returns>Names of the layers that are pairs now.</returns>
    public static IReadOnlyList<string> PlacePairs(Module network, IWeightSource source)
    {
        Dictionary<string, Module> pairs = new(StringComparer.Ordinal);
        Place(network, "", source, pairs, new Dictionary<Module, Module>(ReferenceEqualityComparer.Instance));
        return [.. pairs.Keys];
    }

    private static void Place(Module module, string prefix, IWeightSource source, Dictionary<string, Module> pairs, Dictionary<Module, Module> replaced)
    {
        foreach (Slot slot in module.Children)
        {
            string name = prefix + slot.Name;
            if (replaced.TryGetValue(slot.Child, out Module? pair))
            {
                slot.Replace(pair);
            }
            else if (slot.Child is Linear or Embedding && Rank(name, source) is { } rank)
            {
                pair = slot.Child is Linear linear ? Pair(linear, name, rank, source) : Pair((Embedding)slot.Child, rank);
                replaced[slot.Child] = pairs[name] = pair;
                slot.Replace(pair);
            }
            else
            {
                Place(slot.Child, name + ".", source, pairs, replaced);
            }
        }
    }

    /// <summary>The rank of a pair in the source; null where the layer is dense there, or absent.</summary>
    private static int? Rank(string layer, IWeightSource source) =>
        source.ShapeOf(layer + ".weight") is null && source.ShapeOf(layer + ".0.weight") is { Count: 2 }
        && source.ShapeOf(layer + ".1.weight") is { Count: 2 } second ? second[1] : null;

    private static LowRankLinear Pair(Linear dense, string name, int rank, IWeightSource source) =>
        new(ParameterFactory.ShapesOnly, dense.InFeatures, dense.OutFeatures, rank,
            bias: source.ShapeOf(name + ".1.bias") is not null, firstBias: source.ShapeOf(name + ".0.bias") is not null);

    private static LowRankEmbedding Pair(Embedding dense, int rank) =>
        new(ParameterFactory.ShapesOnly, dense.Entries, dense.Features, rank);
}
