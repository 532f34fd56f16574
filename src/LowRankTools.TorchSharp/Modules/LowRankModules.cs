using LowRankTools.Numerics;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp;

/// <summary>What LowRankTools does for models written in TorchSharp.</summary>
public static class LowRankModules
{
    /// <summary>Number of parameters; what shares memory counts once.</summary>
    /// <param name="module">Any module.</param>
    /// <param name="trainableOnly">Whether frozen parameters are left out.</param>
    public static long CountParameters(this nn.Module module, bool trainableOnly = false) =>
        ListLayerShapes(module).Where(p => p.TiedTo is null && (p.Trainable || !trainableOnly)).Sum(p => p.Parameters);

    /// <summary>Every parameter with its shape, in the order of the modules.</summary>
    /// <param name="module">Any module.</param>
    public static IReadOnlyList<ModuleLayer> ListLayerShapes(this nn.Module module)
    {
        Dictionary<nint, string> seen = [];
        List<ModuleLayer> layers = [];
        foreach ((string name, nn.Module owner, Parameter parameter) in ModuleTree.Parameters(module))
        {
            long[] shape = parameter.shape;
            bool matrix = owner is Linear && shape.Length == 2;
            string first = seen.TryAdd(ModuleTree.Address(parameter), name) ? name : seen[ModuleTree.Address(parameter)];
            layers.Add(new ModuleLayer(name, owner.GetType().Name, shape, matrix ? shape[1] : null, matrix ? shape[0] : null,
                parameter.numel(), parameter.requires_grad, first == name ? null : first));
        }

        return layers;
    }

    /// <summary>
    /// Replaces every Linear inside a module, however deep, by a <see cref="LowRankPair"/> of one rank: in Sequential,
    /// ModuleList and ModuleDict, and in modules of your own, whose fields must be able to hold a pair. Nothing is
    /// replaced until every pair is there, so that an error leaves the module as it was. Replaced layers are disposed of.
    /// Layers that share their weight share their factors.
    /// </summary>
    /// <param name="module">The module; not a Linear itself, which has nobody to replace it in.</param>
    /// <param name="rank">Rank of every pair, at least 1.</param>
    /// <param name="options">Where factors start, biases, which layers; null for the defaults.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    /// <returns>What became of each linear layer, in order.</returns>
    /// <exception cref="LowRankToolsException">RankNotPositive, RankExceedsLayer, NonFiniteValues, ModuleNotReplaceable.</exception>
    public static IReadOnlyList<LinearReplacement> FactorizeLinear(this nn.Module module, int rank, FactorizeLinearOptions? options = null, CancellationToken cancellationToken = default)
    {
        if (rank < 1) throw new LowRankToolsException("RankNotPositive", $"Rank {rank} is not a rank.", "Ask for 1 or more.");
        RequireContainer<Linear>(module);
        return new LinearSurgery(module, rank, options ?? new FactorizeLinearOptions()).Run(cancellationToken);
    }

    /// <summary>
    /// Replaces every <see cref="LowRankPair"/> inside a module by the Linear that it stands for, with the LoRA around
    /// it where there is one. Pairs are disposed of.
    /// </summary>
    /// <param name="module">The module; not a pair itself.</param>
    /// <returns>Names of the layers that are dense again.</returns>
    /// <exception cref="LowRankToolsException">ModuleNotReplaceable.</exception>
    public static IReadOnlyList<string> MergePairs(this nn.Module module)
    {
        RequireContainer<LowRankPair>(module);
        LoraModules.Merge(module, child => child is LoraPair);
        List<ModulePlace<LowRankPair>> places = ModuleTree.Places<LowRankPair>(module);
        foreach (ModulePlace<LowRankPair> place in places) ModuleReplacer.Require(place.Parent, place.Name, place.Module, typeof(Linear));
        Dictionary<LowRankPair, Linear> merged = [];
        Dictionary<(nint, nint), Linear> weights = [];
        foreach (LowRankPair pair in places.Select(place => place.Module).Distinct())
        {
            Linear layer = merged[pair] = PairFactory.Merged(pair);
            (nint, nint) factors = Factors(pair);
            if (!weights.TryAdd(factors, layer)) layer.weight = weights[factors].weight;
        }

        foreach (ModulePlace<LowRankPair> place in places) ModuleReplacer.Replace(place.Parent, place.Module, merged[place.Module]);
        foreach (LowRankPair pair in merged.Keys) pair.Dispose();
        return [.. places.Select(place => place.Name)];
    }

    private static (nint First, nint Second) Factors(LowRankPair pair)
    {
        using DisposeScope scope = NewDisposeScope();
        return (ModuleTree.Address(pair.First.weight!), ModuleTree.Address(pair.Second.weight!));
    }

    private static void RequireContainer<T>(nn.Module module)
        where T : nn.Module
    {
        if (module is T)
            throw new LowRankToolsException("ModuleNotReplaceable", $"A {typeof(T).Name} cannot be replaced in itself.", "Put it into a Sequential.");
    }
}
