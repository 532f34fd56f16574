using LowRankTools.Numerics;
using LowRankTools.TorchSharp.Lora;
using LowRankTools.TorchSharp.Modules;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Surgery;

/// <summary>Pairs inside modules become the dense layers that they stand for.</summary>
public static class PairMerging
{
    /// <summary>
    /// Replaces every <see cref="LowRankPair"/> inside a module by the Linear that it stands for, with the LoRA around
    /// it where there is one. Pairs are disposed of.
    /// </summary>
    /// <param name="module">The module; not a pair itself.</param>
    /// <returns>Names of the layers that are dense again.</returns>
    /// <exception cref="LowRankToolsException">ModuleNotReplaceable.</exception>
    public static IReadOnlyList<string> MergePairs(this nn.Module module)
    {
        ModuleReplacer.RequireContainer<LowRankPair>(module);
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
}
