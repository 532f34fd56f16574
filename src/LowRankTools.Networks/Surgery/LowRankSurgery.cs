using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Surgery;

/// <summary>Puts low-rank pairs into networks, and dense layers back.</summary>
public static class LowRankSurgery
{
    /// <summary>
    /// Replaces every Linear of a network, however deep, by a pair of one rank. Layers that share their weight share their
    /// factors; biases are kept as they are. Layers that have shapes only get pairs of shapes.
    /// </summary>
    /// <param name="root">The network; not a Linear itself, which has nobody to replace it in.</param>
    /// <param name="engine">Where its parameters live.</param>
    /// <param name="rank">Rank of every pair, at least 1.</param>
    /// <param name="options">Where factors start, biases, which layers; null for the defaults.</param>
    /// <param name="ct">Stops the computation, leaving the network as it was.</param>
    /// <returns>What became of each linear layer, in order.</returns>
    /// <exception cref="LowRankToolsException">RankNotPositive, RankExceedsLayer, NonFiniteValues, ModuleNotReplaceable.</exception>
    public static IReadOnlyList<LinearReplacement> FactorizeLinear(this Module root, INetworkEngine engine, int rank, FactorizeLinearOptions? options = null, CancellationToken ct = default) =>
        FactorizeLinear(root, engine, _ => rank, options, ct);

    /// <summary>The same with a rank for each layer.</summary>
    /// <param name="root">The network.</param>
    /// <param name="engine">Where its parameters live.</param>
    /// <param name="plan">The rank of a layer by its name, or null to leave it dense.</param>
    /// <param name="options">Where factors start, biases, which layers; null for the defaults.</param>
    /// <param name="ct">Stops the computation, leaving the network as it was.</param>
    /// <exception cref="LowRankToolsException">As above.</exception>
    public static IReadOnlyList<LinearReplacement> FactorizeLinear(this Module root, INetworkEngine engine, Func<string, int?> plan, FactorizeLinearOptions? options = null, CancellationToken ct = default) =>
        new LinearSurgery(root, engine, plan, options ?? FactorizeLinearOptions.Default, ct).Run();

    /// <summary>Replaces pairs by the dense layers that they stand for: W = B A and b = B a + b.</summary>
    /// <param name="root">The network.</param>
    /// <param name="engine">Where its parameters live.</param>
    /// <param name="include">Says by its name whether a pair is replaced; null for all.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <returns>Names of the pairs that were replaced.</returns>
    public static IReadOnlyList<string> MergePairs(this Module root, INetworkEngine engine, Func<string, bool>? include = null, CancellationToken ct = default)
    {
        List<(string Name, Slot Slot)> places = [];
        Collect(root, string.Empty, places);
        places.RemoveAll(place => include?.Invoke(place.Name) == false);
        Dictionary<LowRankLinear, Linear> merged = [];
        Dictionary<(Parameter, Parameter), Parameter> weights = [];
        foreach ((_, Slot slot) in places)
        {
            ct.ThrowIfCancellationRequested();
            var pair = (LowRankLinear)slot.Child;
            if (merged.ContainsKey(pair)) continue;
            (Parameter, Parameter) factors = (pair.First.Weight, pair.Second.Weight);
            if (!weights.TryGetValue(factors, out Parameter? weight)) weights[factors] = weight = Product(engine, pair, ct);
            merged[pair] = new Linear(weight, MergedBias(engine, pair, ct));
        }

        foreach ((_, Slot slot) in places) slot.Replace(merged[(LowRankLinear)slot.Child]);
        HashSet<Parameter> living = [.. root.Parameters()];
        foreach (Parameter old in merged.Keys.SelectMany(pair => pair.Parameters()).Where(p => !living.Contains(p))) old.Dispose();
        return [.. places.Select(place => place.Name)];
    }

    private static void Collect(Module module, string prefix, List<(string Name, Slot Slot)> places)
    {
        foreach (Slot slot in module.Children)
        {
            string name = prefix + slot.Name;
            if (slot.Child is LowRankLinear) places.Add((name, slot));
            else Collect(slot.Child, name + ".", places);
        }
    }

    private static Parameter Product(INetworkEngine engine, LowRankLinear pair, CancellationToken ct)
    {
        var weight = new Parameter(pair.OutFeatures, pair.InFeatures);
        if (!pair.First.Weight.IsLoaded) return weight;
        ITensor product = engine.Uninitialized(pair.First.Weight.Value.ElementType, pair.OutFeatures, pair.InFeatures);
        engine.MatMul(1, pair.Second.Weight.Value, pair.First.Weight.Value, 0, product, ct);
        weight.Value = product;
        return weight;
    }

    private static Parameter? MergedBias(INetworkEngine engine, LowRankLinear pair, CancellationToken ct)
    {
        if (pair.First.Bias is not { } inner) return pair.Second.Bias;
        var bias = new Parameter(pair.OutFeatures);
        if (!inner.IsLoaded) return bias;
        ITensor sums = engine.Create(inner.Value.ElementType, pair.OutFeatures);
        if (pair.Second.Bias is { } outer) engine.AddScaled(1, outer.Value, 0, sums);
        engine.MatMul(1, pair.Second.Weight.Value, engine.AsMatrix(inner.Value), 1, engine.AsMatrix(sums), ct);
        bias.Value = sums;
        return bias;
    }
}
