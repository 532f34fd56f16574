using System.IO.Enumeration;
using LowRankTools.Numerics;
using LowRankTools.TorchSharp.Modules;
using LowRankTools.TorchSharp.Weights;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Lora;

/// <summary>LoRA for models written in TorchSharp.</summary>
public static class LoraModules
{
    private const string PeftPrefix = "base_model.model.";

    /// <summary>
    /// Puts LoRA on linear layers and around low-rank pairs, and on embeddings and convolutions that a pattern names. The weights stay the same objects and are frozen; other
    /// parameters stay as they are, until <see cref="MarkOnlyLoraTrainable"/>. Make optimizers after it.
    /// </summary>
    /// <param name="module">The module; not a layer itself, which has nobody to replace it in.</param>
    /// <param name="options">Rank, alpha and the rest.</param>
    /// <param name="patterns">Names with * and ? as wildcards, each for a whole name or its end behind a dot; null for all linear layers and pairs.</param>
    /// <param name="cancellationToken">Stops, leaving the module as it was.</param>
    /// <returns>Names of the layers that have LoRA now.</returns>
    /// <exception cref="LowRankToolsException">
    /// RankNotPositive, RankExceedsLayer, LoraOptionsInvalid, ModuleNotReplaceable, NoLayerMatches; WeightIsShared: a start from the
    /// weight would change it for others.
    /// </exception>
    public static IReadOnlyList<string> AddLora(this nn.Module module, LoraOptions options, IReadOnlyList<string>? patterns = null, CancellationToken cancellationToken = default)
    {
        options.Checked();
        List<ModulePlace<nn.Module>> places = [.. ModuleTree.Places<nn.Module>(module, child => child is Linear or Embedding or Conv2d or LowRankPair)
            .Where(place => patterns?.Any(pattern => Matches(pattern, place.Name)) ?? place.Module is Linear or LowRankPair)];
        if (places.Count == 0)
        {
            throw new LowRankToolsException("NoLayerMatches", patterns is null ? "The module has no linear layer and no low-rank pair in it."
                : $"No linear layer, pair, embedding or convolution is named like {string.Join(", ", patterns.Select(p => $"'{p}'"))}.", "ListLayerShapes tells the names.");
        }

        foreach (ModulePlace<nn.Module> place in places)
        {
            if (place.Module is LowRankPair) LoraPair.Check(options, place.Name);
            ModuleReplacer.Require(place.Parent, place.Name, place.Module, place.Module switch
            {
                Linear => options.Dora ? typeof(DoraLinear) : typeof(LoraLinear),
                LowRankPair => typeof(LoraPair),
                Conv2d => typeof(LoraConv2d),
                _ => typeof(LoraEmbedding),
            });
        }

        if (options.Start != LoraStart.Zero) RequireUnshared(module, places);
        Dictionary<nn.Module, nn.Module> made = [];
        List<(Parameter Weight, bool Trained, Tensor? Copy)> before = [];
        try
        {
            foreach (nn.Module layer in places.Select(place => place.Module).Distinct())
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (layer is LowRankPair pair)
                {
                    before.AddRange(new[] { pair.First, pair.Second }.Select(l => (l.weight!, l.weight!.requires_grad, (Tensor?)null)));
                    made[layer] = new LoraPair(pair, options);
                    made[layer].train(layer.training);
                    continue;
                }

                Parameter weight = layer.get_parameter("weight")!;
                bool changes = options.Start != LoraStart.Zero && layer is Linear;
                before.Add((weight, weight.requires_grad, changes ? weight.detach().clone().DetachFromDisposeScope() : null));
                made[layer] = Lora(layer, options);
                if (changes) ((LoraLinear)made[layer]).StartAtWeight(cancellationToken);
                made[layer].train(layer.training);
            }
        }
        catch
        {
            Undo(made.Values, before);
            throw;
        }

        foreach ((_, _, Tensor? copy) in before) copy?.Dispose();

        // The old layers are not disposed of: the new ones have their parameters.
        foreach (ModulePlace<nn.Module> place in places) ModuleReplacer.Replace(place.Parent, place.Module, made[place.Module]);
        return [.. places.Select(place => place.Name)];
    }

    private static LoraModule Lora(nn.Module layer, LoraOptions options)
    {
        LoraOptions elsewhere = options with { Dropout = 0, EnabledGroups = null, FanInFanOut = false, Start = LoraStart.Zero, Dora = false };
        return layer switch
        {
            Linear dense when options.Dora => new DoraLinear(dense.weight!, dense.bias, options with { FanInFanOut = false }),
            Linear dense => new LoraLinear(dense.weight!, dense.bias, options with { FanInFanOut = false }),
            Conv2d convolution => new LoraConv2d(convolution, elsewhere),
            _ => new LoraEmbedding(((Embedding)layer).weight!, elsewhere),
        };
    }

    /// <summary>Replaces LoRA layers by plain ones of W + s B A, and pairs with LoRA by pairs of the ranks' sum, for good. They are disposed of.</summary>
    /// <param name="module">The module.</param>
    /// <returns>Names of the layers that were replaced.</returns>
    /// <exception cref="LowRankToolsException">ModuleNotReplaceable.</exception>
    public static IReadOnlyList<string> MergeLora(this nn.Module module) => Merge(module, child => child is LoraModule or LoraPair);

    /// <summary>The same for some of these layers.</summary>
    internal static IReadOnlyList<string> Merge(nn.Module module, Func<nn.Module, bool> wanted)
    {
        List<ModulePlace<nn.Module>> places = ModuleTree.Places(module, wanted);
        foreach (ModulePlace<nn.Module> place in places)
            ModuleReplacer.Require(place.Parent, place.Name, place.Module, place.Module switch
            {
                LoraLinear or DoraLinear => typeof(Linear),
                LoraPair => typeof(LowRankPair),
                LoraConv2d => typeof(Conv2d),
                _ => typeof(Embedding),
            });
        Dictionary<nn.Module, nn.Module> plain = places.Select(place => place.Module).Distinct().ToDictionary(layer => layer, layer => layer is LoraPair pair ? (nn.Module)pair.ToPair() : ((LoraModule)layer).ToDense());
        foreach (ModulePlace<nn.Module> place in places) ModuleReplacer.Replace(place.Parent, place.Module, plain[place.Module]);

        // What is left in the tree may have parameters in common with them.
        HashSet<nint> living = [.. ModuleTree.Parameters(module).Select(p => ModuleTree.Address(p.Parameter))];
        foreach (nn.Module old in plain.Keys)
        {
            (old as LoraModule)?.Unmerge();
            foreach (Parameter parameter in old.parameters().Where(p => !living.Contains(ModuleTree.Address(p)))) parameter.Dispose();
        }

        return [.. places.Select(place => place.Name)];
    }

    /// <summary>Freezes all parameters without <c>lora_</c> in their names, then frees the biases asked for, as loralib does.</summary>
    /// <param name="module">The module.</param>
    /// <param name="bias">Which biases are trained too.</param>
    /// <returns>Parameters that are trained, and all; what shares memory counts once.</returns>
    public static (long Trainable, long Total) MarkOnlyLoraTrainable(this nn.Module module, LoraBias bias = LoraBias.None)
    {
        List<(string Name, nn.Module Owner, Parameter Parameter)> all = [.. ModuleTree.Parameters(module)];
        HashSet<string> trained = [.. Chosen(module, bias).Select(p => p.Name)];

        // A parameter with two names is trained if one of them says so.
        foreach ((_, _, Parameter parameter) in all) parameter.requires_grad = false;
        foreach ((string name, _, Parameter parameter) in all.Where(p => trained.Contains(p.Name))) parameter.requires_grad = true;
        return (module.CountParameters(trainableOnly: true), module.CountParameters());
    }

    /// <summary>The tensors of an adapter alone, by name: loralib's <c>lora_state_dict</c>. They are the parameters, not copies.</summary>
    /// <param name="module">The module.</param>
    /// <param name="bias">Which biases belong to it.</param>
    /// <param name="keys">How they are named.</param>
    /// <exception cref="LowRankToolsException">NoPeftLayout: PEFT knows no layer with groups, and convolutions in another form.</exception>
    public static Dictionary<string, Tensor> LoraStateDict(this nn.Module module, LoraBias bias = LoraBias.None, LoraKeys keys = LoraKeys.Loralib) =>
        Chosen(module, bias).ToDictionary(p => keys == LoraKeys.Loralib ? p.Name : PeftName(p.Owner, p.Name, strict: true), p => (Tensor)p.Parameter, StringComparer.Ordinal);

    /// <summary>Writes an adapter as safetensors.</summary>
    /// <param name="module">The module.</param>
    /// <param name="path">File to write; its folder is there.</param>
    /// <param name="bias">Which biases belong to it.</param>
    /// <param name="keys">How its tensors are named.</param>
    /// <param name="overwrite">Whether a file of that name is replaced.</param>
    /// <exception cref="LowRankToolsException">OutputExists, NoPeftLayout, DTypeUnsupported.</exception>
    public static void SaveLora(this nn.Module module, string path, LoraBias bias = LoraBias.None, LoraKeys keys = LoraKeys.Loralib, bool overwrite = false) =>
        ModuleWeights.Write([.. module.LoraStateDict(bias, keys).Select(entry => (entry.Key, entry.Value))], path, overwrite, null);

    /// <summary>Loads an adapter from any format that is read, under the names of loralib or PEFT. The base stays as it is.</summary>
    /// <param name="module">The module, with LoRA layers of the adapter's rank.</param>
    /// <param name="path">A model file.</param>
    /// <param name="cancellationToken">Stops between pieces.</param>
    /// <returns>What was loaded; A's and B's that the file lacks; tensors that the module lacks.</returns>
    public static WeightReport LoadLora(this nn.Module module, string path, CancellationToken cancellationToken = default)
    {
        List<(nn.Module Owner, string Name, Parameter Parameter)> all = [.. Chosen(module, LoraBias.All)];
        Dictionary<string, string> names = new(StringComparer.Ordinal);
        foreach ((nn.Module owner, string name, _) in all)
            names[PeftName(owner, name, strict: false)] = name;

        // PEFT has written lengths with and without the last part.
        foreach ((_, string name, _) in all.Where(p => p.Owner is DoraLinear)) names[$"{PeftPrefix}{name}.weight"] = name;
        LoraModule[] merged = [.. module.modules().OfType<LoraModule>().Where(layer => layer.IsMerged)];
        foreach (LoraModule layer in merged) layer.Unmerge();
        WeightReport report = module.LoadWeights(path, new WeightLoadOptions { Strict = false, Rename = name => names.GetValueOrDefault(name, name) }, cancellationToken);
        foreach (LoraModule layer in merged) layer.Merge();
        return report with { Missing = [.. report.Missing.Where(IsLora)] };
    }

    private static void Undo(IEnumerable<nn.Module> made, List<(Parameter Weight, bool Trained, Tensor? Copy)> before)
    {
        using IDisposable frozen = no_grad();
        foreach (nn.Module layer in made)
        {
            (layer as LoraModule)?.Unmerge();
            foreach ((_, Parameter parameter) in layer.named_parameters(recurse: false).Where(p => IsLora(p.name)).ToList()) parameter.Dispose();
        }

        // Backwards, because of a weight that two layers share the first entry knows how it was.
        foreach ((Parameter weight, bool trained, Tensor? copy) in Enumerable.Reverse(before))
        {
            if (copy is not null) weight.copy_(copy);
            copy?.Dispose();
            weight.requires_grad = trained;
        }
    }

    private static void RequireUnshared(nn.Module module, List<ModulePlace<nn.Module>> places)
    {
        ILookup<nint, nn.Module> owners = ModuleTree.Parameters(module).ToLookup(p => ModuleTree.Address(p.Parameter), p => p.Owner);
        foreach (ModulePlace<nn.Module> place in places)
        {
            if (place.Module is Linear linear && owners[ModuleTree.Address(linear.weight!)].Distinct().Count() > 1)
                throw new LowRankToolsException("WeightIsShared", $"'{place.Name}' shares its weight, which a start from it would change for the others.", "Leave it out, or start at zero.");
        }
    }

    private static IEnumerable<(nn.Module Owner, string Name, Parameter Parameter)> Chosen(nn.Module module, LoraBias bias)
    {
        HashSet<nn.Module> inPairs = [.. module.modules().OfType<LoraPair>().SelectMany(pair => pair.Layers)];
        foreach ((string name, nn.Module owner, Parameter parameter) in ModuleTree.Parameters(module))
        {
            bool isBias = name[(name.LastIndexOf('.') + 1)..].Contains("bias", StringComparison.Ordinal);
            if (IsLora(name) || (isBias && (bias == LoraBias.All || (bias == LoraBias.LoraOnly && (owner is LoraModule || inPairs.Contains(owner)))))) yield return (owner, name, parameter);
        }
    }

    private static string PeftName(nn.Module owner, string name, bool strict)
    {
        int dot = name.LastIndexOf('.') + 1;
        (string path, string own) = (name[..dot], name[dot..]);
        if (strict && owner is LoraLinear { Options.EnabledGroups: not null } or LoraConv2d && IsLora(own))
            throw new LowRankToolsException("NoPeftLayout", $"'{name}' belongs to a layer with groups, or to a convolution, which PEFT has in another form.", "Use loralib's names.");
        return PeftPrefix + path + owner switch
        {
            LoraEmbedding when IsLora(own) => own.Replace("lora_", "lora_embedding_", StringComparison.Ordinal),
            DoraLinear when own == "lora_magnitude_vector" => own,
            LoraModule or LoraPair when IsLora(own) => own + ".weight",
            LoraModule => "base_layer." + own,
            _ => own,
        };
    }

    private static bool IsLora(string name) => name[(name.LastIndexOf('.') + 1)..].StartsWith("lora_", StringComparison.Ordinal);

    private static bool Matches(string pattern, string name) =>
        FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false) || FileSystemName.MatchesSimpleExpression("*." + pattern, name, ignoreCase: false);
}
