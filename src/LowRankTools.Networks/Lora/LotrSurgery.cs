using System.Globalization;
using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Lora;

/// <summary>Puts LoTR layers into networks, and their tensors under the names that adapters' files have.</summary>
public static class LotrSurgery
{
    /// <summary>
    /// Gives linear layers a change of low tensor rank, which is zero at first: L and R are random and shared by all layers of one shape, the cores
    /// are zero. Weights are frozen, other parameters stay as they are: <see cref="LoraModes.MarkOnlyLoraTrainable"/> freezes those too, and
    /// <see cref="LoraSurgery.MergeLora"/> makes plain layers again. A layer in two places becomes one in both.
    /// </summary>
    /// <param name="root">The network; not a layer itself, which has nobody to replace it in.</param>
    /// <param name="engine">Where its parameters live. Layers that know their shape only get factors that do too.</param>
    /// <param name="options">Rank of both factors, alpha and seed.</param>
    /// <param name="patterns">Names with * and ? as wildcards, each for the whole name of a layer or its end behind a dot; null for all linear layers.</param>
    /// <param name="ct">Stops, leaving the network as it was.</param>
    /// <returns>Names of the layers that have LoTR now, in order.</returns>
    /// <exception cref="LowRankToolsException">RankNotPositive, LoraOptionsInvalid, ModuleNotReplaceable, NoLayerMatches.</exception>
    public static IReadOnlyList<string> AddLotr(this Module root, INetworkEngine engine, LoraOptions options, IReadOnlyList<string>? patterns = null, CancellationToken ct = default)
    {
        options.CheckPlain("layers that share factors");
        List<(string Name, Slot Slot)> places =
            [.. LoraSurgery.Places(root, module => module is Linear, module => module is LowRankLinear or LowRankEmbedding).Where(p => patterns is null || patterns.Any(pattern => LoraSurgery.Matches(pattern, p.Name)))];
        if (places.Count == 0 && patterns is not null)
            throw new LowRankToolsException("NoLayerMatches", $"No linear layer is named like {string.Join(", ", patterns.Select(p => $"'{p}'"))}.", "Print the network to see its names.");
        Dictionary<Module, LotrLinear> made = [];
        Dictionary<(int, int), (Parameter Left, Parameter Right)> shared = [];
        Dictionary<Parameter, bool> before = [];
        try
        {
            foreach ((_, Slot slot) in places)
            {
                ct.ThrowIfCancellationRequested();
                if (made.ContainsKey(slot.Child)) continue;
                var linear = (Linear)slot.Child;
                before.TryAdd(linear.Weight, linear.Weight.Trainable);
                ulong seed = options.Seed + (8 * (ulong)shared.Count);
                ParameterFactory factory = linear.Weight.IsLoaded ? new ParameterFactory(engine, seed, linear.Weight.Value.ElementType) : ParameterFactory.ShapesOnly;
                if (!shared.TryGetValue((linear.OutFeatures, linear.InFeatures), out (Parameter Left, Parameter Right) own))
                {
                    own = (factory.Uniform(Linear.Bound(options.Rank), linear.OutFeatures, options.Rank), factory.Uniform(Linear.Bound(linear.InFeatures), options.Rank, linear.InFeatures));
                    shared[(linear.OutFeatures, linear.InFeatures)] = own;
                }

                made[linear] = new LotrLinear(linear.Weight, linear.Bias, own.Left, factory.Constant(0, options.Rank, options.Rank), own.Right, options);
            }

            foreach ((_, Slot slot) in places) slot.Require(made[slot.Child]);
        }
        catch
        {
            foreach ((Parameter weight, bool trainable) in before) weight.Trainable = trainable;
            foreach (Parameter parameter in made.Values.Select(layer => layer.Core).Concat(shared.Values.SelectMany(s => (Parameter[])[s.Left, s.Right]))) parameter.Dispose();
            throw;
        }

        foreach ((_, Slot slot) in places) slot.Replace(made[slot.Child]);
        return [.. places.Select(place => place.Name)];
    }

    /// <summary>
    /// The factors of all LoTR layers under the names of adapters' files, each shared one once: <c>lotr_L.G</c> and <c>lotr_R.G</c> of a group G of layers,
    /// called after their shape, and <c>X.lotr_M.G</c> of layer X. Their scale alpha / rank is that of <see cref="ILoraLayer.Options"/>.
    /// </summary>
    /// <param name="root">The network.</param>
    public static IReadOnlyList<NamedParameter> LotrStateDict(this Module root)
    {
        List<NamedParameter> state = [];
        Dictionary<(Parameter, Parameter), string> groups = [];
        Dictionary<string, int> shapes = new(StringComparer.Ordinal);
        foreach ((string name, Module module) in root.Modules())
        {
            if (module is not LotrLinear layer) continue;
            if (!groups.TryGetValue((layer.Left, layer.Right), out string? group))
            {
                string shape = string.Create(CultureInfo.InvariantCulture, $"{layer.OutFeatures}x{layer.InFeatures}");
                int number = shapes[shape] = shapes.GetValueOrDefault(shape) + 1;
                group = groups[(layer.Left, layer.Right)] = number == 1 ? shape : string.Create(CultureInfo.InvariantCulture, $"{shape}-{number}");
                state.Add(new NamedParameter($"lotr_L.{group}", layer.Left));
                state.Add(new NamedParameter($"lotr_R.{group}", layer.Right));
            }

            state.Add(new NamedParameter($"{name}.lotr_M.{group}", layer.Core));
        }

        return state;
    }
}
