using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Layers.Pivoted;
using LowRankTools.Networks.Layers.TensorTrain;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;

namespace LowRankTools.Networks.Architectures;

/// <summary>
/// Puts factors where a source of weights holds factors: where <c>X.0.weight</c> and <c>X.1.weight</c> are there instead of
/// <c>X.weight</c>, the layer X becomes the pair of that rank, where <c>X.weight.core0</c>, <c>X.weight.core1</c>, ... are, a TT-matrix, and where <c>X.weight.pivots</c> is, a pivoted pair.
/// </summary>
public static class PairPlacement
{
    private const string First = ".0.weight";

    /// <summary>Replaces layers of a network whose parameters are not loaded yet. A layer in two places becomes one in both.</summary>
    /// <param name="network">The network, as its configuration describes it: dense.</param>
    /// <param name="source">Names and shapes of the weights.</param>
    /// <returns>Names of the layers that were replaced.</returns>
    /// <exception cref="LowRankToolsException">ShapesDoNotMatch: cores do not fit one another, or the layer.</exception>
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
                pair = slot.Child is Linear linear ? Pair(linear, name, rank, source, pairs) : Pair((Embedding)slot.Child, rank);
                replaced[slot.Child] = pairs[name] = pair;
                slot.Replace(pair);
            }
            else if (slot.Child is Linear or Embedding && Cores(name, source) is { Count: > 0 } cores)
            {
                Module train = slot.Child is Linear whole ? Train(whole, name, cores, source) : Train((Embedding)slot.Child, name, cores);
                replaced[slot.Child] = pairs[name] = train;
                slot.Replace(train);
            }
            else if (slot.Child is Linear full && Pivoted(full, name, source) is { } pivoted)
            {
                replaced[slot.Child] = pairs[name] = pivoted;
                slot.Replace(pivoted);
            }
            else
            {
                Place(slot.Child, name + ".", source, pairs, replaced);
            }
        }
    }

    /// <summary>The rank of a pair in the source; null where the layer is dense there, or absent.</summary>
    private static int? Rank(string layer, IWeightSource source) =>
        source.ShapeOf(layer + ".weight") is null && source.ShapeOf(layer + First) is { Count: 2 }
        && source.ShapeOf(layer + ".1.weight") is { Count: 2 } second ? second[1] : null;

    /// <summary>Cores of a TT-matrix in the source, with shapes only; none where the layer is dense there, or absent.</summary>
    private static List<Parameter> Cores(string layer, IWeightSource source)
    {
        List<Parameter> cores = [];
        while (source.ShapeOf(layer + ".weight") is null && source.ShapeOf(FormattableString.Invariant($"{layer}.weight.core{cores.Count}")) is { Count: 4 } shape)
            cores.Add(new Parameter([.. shape]));
        return cores;
    }

    private static TensorTrainLinear Train(Linear dense, string name, List<Parameter> cores, IWeightSource source)
    {
        TensorTrainLinear train = new(cores, source.ShapeOf(name + ".bias") is null ? null : new Parameter(dense.OutFeatures));
        return train.InFeatures == dense.InFeatures && train.OutFeatures == dense.OutFeatures ? train : throw Unfit(name, train.OutFeatures, train.InFeatures, dense.OutFeatures, dense.InFeatures);
    }

    private static TensorTrainEmbedding Train(Embedding dense, string name, List<Parameter> cores)
    {
        TensorTrainEmbedding train = new(cores);
        return train.Entries == dense.Entries && train.Features == dense.Features ? train : throw Unfit(name, train.Entries, train.Features, dense.Entries, dense.Features);
    }

    /// <summary>The pivoted pair in the source; null where the layer is dense there, or absent.</summary>
    private static PivotedLinear? Pivoted(Linear dense, string name, IWeightSource source)
    {
        if (source.ShapeOf(name + ".weight") is not null || source.ShapeOf(name + ".weight.pivots") is not { } pivots || source.ShapeOf(name + ".weight.rows") is not { } rows || source.ShapeOf(name + ".weight.others") is not { } others)
            return null;
        PivotedLinear pair = new(new Parameter([.. pivots]), new Parameter([.. rows]), new Parameter([.. others]), source.ShapeOf(name + ".bias") is null ? null : new Parameter(dense.OutFeatures));
        return pair.InFeatures == dense.InFeatures && pair.OutFeatures == dense.OutFeatures ? pair : throw Unfit(name, pair.OutFeatures, pair.InFeatures, dense.OutFeatures, dense.InFeatures);
    }

    private static LowRankToolsException Unfit(string name, int rows, int columns, int expectedRows, int expectedColumns) =>
        new("ShapesDoNotMatch", $"The factors of '{name}' are those of {rows} x {columns}, the network has {expectedRows} x {expectedColumns}.", "Check the configuration against the weights.");

    private static LowRankLinear Pair(Linear dense, string name, int rank, IWeightSource source, Dictionary<string, Module> earlier)
    {
        LowRankLinear own = new(ParameterFactory.ShapesOnly, dense.InFeatures, dense.OutFeatures, rank,
            bias: source.ShapeOf(name + ".1.bias") is not null, firstBias: source.ShapeOf(name + ".0.bias") is not null);
        // Layers that share a basis hold one parameter: it is counted and trained once.
        return source.SharedWith(name + First) is { } kept && kept.EndsWith(First, StringComparison.Ordinal) && earlier.GetValueOrDefault(kept[..^First.Length]) is LowRankLinear basis
            && basis.First.Weight.Shape.SequenceEqual(own.First.Weight.Shape)
            ? new LowRankLinear(new Linear(basis.First.Weight, own.First.Bias), own.Second) : own;
    }

    private static LowRankEmbedding Pair(Embedding dense, int rank) =>
        new(ParameterFactory.ShapesOnly, dense.Entries, dense.Features, rank);
}
