using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Surgery;

/// <summary>Ranks that training finds: layers into their singular directions, and those that are left into pairs.</summary>
public static class LearnedRanks
{
    /// <summary>Replaces linear layers by <see cref="LearnedRankLinear"/>s that compute the same: W = U S V^T with m = S.</summary>
    /// <param name="root">The network.</param>
    /// <param name="engine">Where its parameters live.</param>
    /// <param name="include">Says by its name whether a layer is replaced; null for all. A layer that shares its weight stays.</param>
    /// <param name="ct">Stops, leaving the network as it was.</param>
    /// <returns>Names of the layers that were replaced.</returns>
    public static IReadOnlyList<string> LearnRanks(this Module root, INetworkEngine engine, Func<string, bool>? include = null, CancellationToken ct = default)
    {
        ILookup<Parameter, string> uses = root.StateDict().ToLookup(p => p.Parameter, p => p.Name);
        List<LinearPlace> places = [.. LinearPlace.All(root).Where(place => include?.Invoke(place.Name) != false && uses[place.Layer.Weight].Count() == 1)];
        List<LearnedRankLinear> made = [];
        try
        {
            foreach (LinearPlace place in places)
            {
                ct.ThrowIfCancellationRequested();
                made.Add(Directions(engine, place.Layer, ct));
                place.Slot.Require(made[^1]);
            }
        }
        catch
        {
            foreach (Parameter parameter in made.SelectMany(layer => (Parameter[])[layer.Directions, layer.Mask, layer.Outputs])) parameter.Dispose();
            throw;
        }

        for (int i = 0; i < places.Count; i++)
        {
            places[i].Slot.Replace(made[i]);
            places[i].Layer.Weight.Dispose();
        }

        return [.. places.Select(place => place.Name)];
    }

    /// <summary>
    /// Replaces them by what their factors left: a pair of the directions whose factor is not zero, at least one, or a dense layer where
    /// the pair would not be smaller. What the network computes stays, to rounding.
    /// </summary>
    /// <param name="root">The network.</param>
    /// <param name="engine">Where its parameters live.</param>
    /// <param name="ct">Stops between layers.</param>
    /// <returns>Names of the layers and the number of factors that are not zero.</returns>
    public static IReadOnlyList<(string Name, int Rank)> TruncateRanks(this Module root, INetworkEngine engine, CancellationToken ct = default)
    {
        List<(string Name, int Rank)> results = [];
        foreach ((string name, Module parent) in root.Modules().ToList())
        {
            foreach (Slot slot in parent.Children)
            {
                if (slot.Child is not LearnedRankLinear layer) continue;
                ct.ThrowIfCancellationRequested();
                double[] mask = engine.ToArray(layer.Mask.Value);
                int[] kept = [.. Enumerable.Range(0, mask.Length).Where(i => mask[i] != 0)];
                results.Add((name.Length == 0 ? slot.Name : $"{name}.{slot.Name}", kept.Length));
                slot.Replace(Truncated(engine, layer, mask, kept.Length > 0 ? kept : [0], ct));
                foreach (Parameter old in (Parameter[])[layer.Directions, layer.Mask, layer.Outputs]) old.Dispose();
            }
        }

        return results;
    }

    /// <summary>The proximal step of all layers, by what a direction costs: in + out parameters.</summary>
    internal static void Shrink(Module root, INetworkEngine engine, double perParameter)
    {
        foreach (LearnedRankLinear layer in root.Modules().Select(m => m.Module).OfType<LearnedRankLinear>().Distinct())
            layer.Shrink(engine, perParameter * (layer.InFeatures + layer.OutFeatures));
    }

    private static LearnedRankLinear Directions(INetworkEngine engine, Linear layer, CancellationToken ct)
    {
        ElementType type = layer.Weight.Value.ElementType;
        using ITensor single = engine.Copy(layer.Weight.Value, ElementType.Float32);
        (ITensor u, double[] s, ITensor vt) = engine.Svd(single, ct);
        using (u)
        using (vt)
        using (ITensor values = engine.FromDoubles(s, s.Length))
        {
            return new LearnedRankLinear(Loaded(engine.Copy(vt, type)), Loaded(engine.Copy(values, type)), Loaded(engine.Copy(u, type)), layer.Bias);
        }
    }

    private static LinearLayer Truncated(INetworkEngine engine, LearnedRankLinear layer, double[] mask, int[] kept, CancellationToken ct)
    {
        int rank = kept.Length, inputs = layer.InFeatures, outputs = layer.OutFeatures;
        double[] v = engine.ToArray(layer.Directions.Value), u = engine.ToArray(layer.Outputs.Value);
        double[] first = new double[rank * inputs], second = new double[outputs * rank];
        for (int k = 0; k < rank; k++)
        {
            double root = Math.Sqrt(Math.Abs(mask[kept[k]])), sign = Math.Sign(mask[kept[k]]);
            for (int i = 0; i < inputs; i++) first[(k * inputs) + i] = root * v[(kept[k] * inputs) + i];
            for (int o = 0; o < outputs; o++) second[(o * rank) + k] = sign * root * u[(o * mask.Length) + kept[k]];
        }

        ElementType type = layer.Mask.Value.ElementType;
        using ITensor a = engine.FromDoubles(first, rank, inputs), b = engine.FromDoubles(second, outputs, rank);
        if ((long)rank * (inputs + outputs) < (long)inputs * outputs)
            return new LowRankLinear(new Linear(Loaded(engine.Copy(a, type))), new Linear(Loaded(engine.Copy(b, type)), layer.Bias));
        using ITensor dense = engine.Uninitialized(ElementType.Float64, outputs, inputs);
        engine.MatMul(1, b, a, 0, dense, ct);
        return new Linear(Loaded(engine.Copy(dense, type)), layer.Bias);
    }

    private static Parameter Loaded(ITensor tensor) => new([.. tensor.Shape]) { Value = tensor };
}
