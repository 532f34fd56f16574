using LowRankTools.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Modules;

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
        ModuleReplacer.RequireContainer<Linear>(module);
        options ??= new FactorizeLinearOptions();
        return new LinearSurgery(module, new PairReplacer(rank, options), options).Run(cancellationToken);
    }
}
