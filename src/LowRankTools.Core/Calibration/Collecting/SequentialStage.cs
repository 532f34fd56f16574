using LowRankTools.Core.Architectures;
using LowRankTools.Core.Layers;
using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Calibration.Collecting;

/// <summary>Layers of a network that are fed the same: compressed together, from one collection.</summary>
/// <param name="Layers">Their weights, and their ranks.</param>
internal sealed record SequentialStage(IReadOnlyList<(ModelLayer Layer, int Rank)> Layers)
{
    /// <summary>The stages of a network, in the order of its way forward.</summary>
    /// <param name="network">The network, dense.</param>
    /// <param name="planned">The layers that become pairs, by the layers of the network.</param>
    /// <param name="batch">Any input.</param>
    /// <param name="ct">Stops.</param>
    public static List<SequentialStage> Of(RunnableModel network, IReadOnlyDictionary<Linear, (ModelLayer Layer, int Rank)> planned, NetworkBatch batch, CancellationToken ct)
    {
        List<List<(ModelLayer, int)>> stages = [];
        HashSet<Linear> seen = new(ReferenceEqualityComparer.Instance);
        ITensor? last = null;
        using Pass pass = Pass.Inference(network.Engine, ct);
        pass.LinearInput = (layer, x) =>
        {
            if (layer is not Linear linear || !planned.TryGetValue(linear, out (ModelLayer, int) plan) || !seen.Add(linear))
                return;
            if (!ReferenceEquals(last, x))
                stages.Add([]);
            stages[^1].Add(plan);
            last = x;
        };
        network.Network.Forward(pass, batch).Dispose();
        return [.. stages.Select(s => new SequentialStage(s))];
    }
}
