using System.IO.Enumeration;
using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Lora;

/// <summary>Puts LoRA layers into networks, and plain layers back.</summary>
public static class LoraSurgery
{
    /// <summary>Puts LoRA on linear layers, and on embeddings and convolutions that a pattern names.</summary>
    /// <param name="root">The network; not a layer itself, which has nobody to replace it in.</param>
    /// <param name="engine">Where its parameters live.</param>
    /// <param name="options">Rank, alpha and the rest.</param>
    /// <param name="patterns">
    /// Names with * and ? as wildcards, each for the whole name of a layer or its end behind a dot, as PEFT's
    /// <c>target_modules</c>: <c>to_q</c>, <c>h.*.attn.c_attn</c>. Null for all linear layers. Dropout
    /// concerns linear layers alone.
    /// </param>
    /// <param name="ct">Stops, leaving the network as it was.</param>
    /// <returns>Names of the layers that have LoRA now, in order.</returns>
    /// <exception cref="LowRankToolsException">As of the other overload; NoLayerMatches.</exception>
    public static IReadOnlyList<string> AddLora(this Module root, INetworkEngine engine, LoraOptions options, IReadOnlyList<string>? patterns = null, CancellationToken ct = default)
    {
        IReadOnlyList<string> names = root.AddLora(engine, (name, layer) => patterns is null ? layer is Linear ? options : null : patterns.Any(p => Matches(p, name)) ? options : null, ct);
        return names.Count > 0 || patterns is null
            ? names
            : throw new LowRankToolsException("NoLayerMatches", $"No layer that can have LoRA is named like {string.Join(", ", patterns.Select(p => $"'{p}'"))}.", "Print the network to see its names.");
    }

    /// <summary>
    /// Puts LoRA on dense linear layers, embeddings and two-dimensional convolutions, with options for each. Their weights are frozen, other parameters stay
    /// as they are: <see cref="LoraModes.MarkOnlyLoraTrainable"/> freezes those too. A layer in two places becomes one LoRA layer in
    /// both; layers that share a weight get pairs of their own. Halves of low-rank pairs stay.
    /// </summary>
    /// <param name="root">The network.</param>
    /// <param name="engine">Where its parameters live. Layers that know their shape only get A and B that do too.</param>
    /// <param name="plan">The options of a layer by its name, or null to leave it as it is.</param>
    /// <param name="ct">Stops, leaving the network as it was.</param>
    /// <exception cref="LowRankToolsException">
    /// RankNotPositive, RankExceedsLayer, LoraOptionsInvalid, ModuleNotReplaceable; WeightIsShared: a start from the weight
    /// would change it for others.
    /// </exception>
    public static IReadOnlyList<string> AddLora(this Module root, INetworkEngine engine, Func<string, Module, LoraOptions?> plan, CancellationToken ct = default)
    {
        List<(string Name, Slot Slot, LoraOptions Options)> places = [];
        foreach ((string name, Slot slot) in Places(root, module => module is Linear or Embedding or Conv2d, module => module is LowRankLinear or LowRankEmbedding))
        {
            if (plan(name, slot.Child) is { } options) places.Add((name, slot, options));
        }

        ILookup<Parameter, Module> owners = root.Modules().SelectMany(m => m.Module.OwnParameters.Select(p => (p.Parameter, m.Module))).Distinct().ToLookup(p => p.Parameter, p => p.Module);
        Dictionary<Module, Module> made = [];
        Dictionary<Parameter, (bool Trainable, ITensor? Value)> before = [];
        try
        {
            ulong number = 0;
            foreach ((string name, Slot slot, LoraOptions options) in places)
            {
                ct.ThrowIfCancellationRequested();
                if (made.ContainsKey(slot.Child)) continue;
                Parameter weight = Weight(slot.Child);
                bool changes = options.Start != LoraStart.Zero && weight.IsLoaded;
                if (changes && owners[weight].Count() > 1)
                    throw new LowRankToolsException("WeightIsShared", $"'{name}' shares its weight, which a start from it would change for the others.", "Leave it out, or start at zero.");
                before.TryAdd(weight, (weight.Trainable, changes ? engine.Copy(weight.Value, weight.Value.ElementType) : null));
                made[slot.Child] = Lora(engine, slot.Child, options, options.Seed + (8 * number++), ct);
            }

            foreach ((_, Slot slot, _) in places) slot.Require(made[slot.Child]);
        }
        catch
        {
            foreach (NamedParameter own in made.Values.SelectMany(layer => layer.OwnParameters).Where(p => p.Name.StartsWith("lora_", StringComparison.Ordinal))) own.Parameter.Dispose();

            foreach ((Parameter weight, (bool trainable, ITensor? value)) in before)
            {
                weight.Trainable = trainable;
                if (value is not null) weight.Value = value;
            }

            throw;
        }

        foreach ((_, ITensor? value) in before.Values) value?.Dispose();
        foreach ((_, Slot slot, _) in places) slot.Replace(made[slot.Child]);
        return [.. places.Select(place => place.Name)];
    }

    /// <summary>Replaces LoRA layers by plain ones of W + s B A, for good. Their weights are trainable again.</summary>
    /// <param name="root">The network.</param>
    /// <param name="engine">Where its parameters live.</param>
    /// <param name="ct">Stops, leaving the network as it was.</param>
    /// <returns>Names of the layers that were replaced.</returns>
    public static IReadOnlyList<string> MergeLora(this Module root, INetworkEngine engine, CancellationToken ct = default)
    {
        List<(string Name, Slot Slot)> places = [.. Places(root, module => module is ILoraLayer, _ => false)];
        Dictionary<Module, Module> dense = [];
        try
        {
            foreach ((_, Slot slot) in places)
            {
                ct.ThrowIfCancellationRequested();
                if (!dense.ContainsKey(slot.Child)) dense[slot.Child] = ((ILoraLayer)slot.Child).ToDense(engine, ct);
            }
        }
        catch
        {
            foreach (Module layer in dense.Values) Weight(layer).Dispose();
            throw;
        }

        foreach ((_, Slot slot) in places) slot.Replace(dense[slot.Child]);
        HashSet<Parameter> living = [.. root.Parameters()];
        foreach (Module old in dense.Keys)
        {
            ((ILoraLayer)old).Unmerge();
            foreach (Parameter parameter in old.Parameters().Where(p => !living.Contains(p))) parameter.Dispose();
        }

        return [.. places.Select(place => place.Name)];
    }

    internal static bool Matches(string pattern, string name) =>
        FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false) || FileSystemName.MatchesSimpleExpression("*." + pattern, name, ignoreCase: false);

    private static Module Lora(INetworkEngine engine, Module layer, LoraOptions options, ulong seed, CancellationToken ct)
    {
        Parameter weight = Weight(layer);
        ParameterFactory factory = weight.IsLoaded ? new ParameterFactory(engine, seed, weight.Value.ElementType) : ParameterFactory.ShapesOnly;
        if (layer is Conv2d convolution) return new LoraConv2d(factory, convolution, options with { Dropout = 0 });
        if (layer is Embedding) return new LoraEmbedding(factory, weight, options with { Dropout = 0 });
        LoraOptions own = options with { FanInFanOut = false };
        Parameter? bias = ((Linear)layer).Bias;
        if (own.Dora)
        {
            DoraLinear decomposed = new(factory, weight, bias, own);
            if (weight.IsLoaded) decomposed.ResetMagnitude(engine, ct);
            return decomposed;
        }

        LoraProjection made = own.EnabledGroups is null ? new LoraLinear(factory, weight, bias, own) : new LoraMergedLinear(factory, weight, bias, own);
        LoraStarts.Apply(engine, made, seed, ct);
        return made;
    }

    private static Parameter Weight(Module layer) => layer switch
    {
        Linear linear => linear.Weight,
        Conv2d convolution => convolution.Weight,
        _ => ((Embedding)layer).Weight,
    };

    internal static IEnumerable<(string Name, Slot Slot)> Places(Module module, Func<Module, bool> wanted, Func<Module, bool> closed, string prefix = "")
    {
        if (closed(module)) yield break;
        foreach (Slot slot in module.Children)
        {
            string name = prefix + slot.Name;
            if (wanted(slot.Child)) yield return (name, slot);
            else foreach ((string, Slot) place in Places(slot.Child, wanted, closed, name + ".")) yield return place;
        }
    }
}
