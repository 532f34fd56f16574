using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Layers.Pivoted;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Core.Training;

/// <summary>
/// Lets pivoted pairs train as balanced pairs of the same products: while this lives, pairs stand in their places, and afterwards they are pivoted anew, which changes
/// the product by rounding alone. Trained as rows and coefficients they need smaller rates and come less far.
/// </summary>
internal sealed class PivotedTraining : IDisposable
{
    private readonly INetworkEngine _engine;
    private readonly ComputeOptions _options;
    private readonly List<(Slot Place, PivotedLinear Pivoted, LowRankLinear Pair)> _layers = [];

    /// <summary>Puts pairs in the places of the pivoted ones that are trained.</summary>
    /// <param name="network">The network.</param>
    /// <param name="engine">Where it computes.</param>
    /// <param name="threads">Threads.</param>
    /// <param name="cancellationToken">Stops between layers; the network is as it was then.</param>
    public PivotedTraining(Module network, INetworkEngine engine, int threads, CancellationToken cancellationToken)
    {
        (_engine, _options) = (engine, new ComputeOptions { ThreadCount = threads });
        Dictionary<PivotedLinear, LowRankLinear> pairs = new(ReferenceEqualityComparer.Instance);
        try
        {
            foreach (Slot place in network.Modules().SelectMany(m => m.Module.Children).ToArray())
            {
                if (place.Child is not PivotedLinear { Rows.Trainable: true } pivoted)
                    continue;
                if (!pairs.TryGetValue(pivoted, out LowRankLinear? pair))
                    pairs[pivoted] = pair = pivoted.ToPair(engine, _options, cancellationToken);
                _layers.Add((place, pivoted, pair));
                place.Replace(pair);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Whether there are any.</summary>
    public bool Any => _layers.Count > 0;

    /// <summary>Gives what the pairs have learned to the pivoted ones.</summary>
    /// <param name="cancellationToken">Stops between layers.</param>
    public void Pivot(CancellationToken cancellationToken)
    {
        foreach ((_, PivotedLinear pivoted, LowRankLinear pair) in _layers.DistinctBy(l => l.Pivoted))
            pivoted.TakeProduct(_engine, pair, _options, cancellationToken);
    }

    /// <summary>Puts the pivoted ones back and frees the pairs.</summary>
    public void Dispose()
    {
        foreach ((Slot place, PivotedLinear pivoted, LowRankLinear pair) in _layers)
        {
            place.Replace(pivoted);
            // The bias is the pivoted layer's.
            pair.First.Weight.Dispose();
            pair.Second.Weight.Dispose();
        }
        _layers.Clear();
    }
}
