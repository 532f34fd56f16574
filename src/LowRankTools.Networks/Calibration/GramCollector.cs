using LowRankTools.Numerics;

namespace LowRankTools.Networks;

/// <summary>
/// Sums, for every dense linear layer, x x^T over the inputs x that passes bring it, in float64: what calibrated
/// truncation needs to know of a network's inputs.
/// </summary>
/// <param name="engine">Where the passes compute.</param>
public sealed class GramCollector(INetworkEngine engine) : IDisposable
{
    private readonly Dictionary<Linear, (ITensor Sum, long Count)> _grams = new(ReferenceEqualityComparer.Instance);

    /// <summary>Listens to a pass.</summary>
    public void Watch(Pass pass) => pass.LinearInput = (layer, x) => Add(layer, x, pass.CancellationToken);

    /// <summary>The sum of a layer, in x in in float64, and the tokens in it; null where no pass came by.</summary>
    public (ITensor Sum, long Count)? Of(Linear layer) => _grams.TryGetValue(layer, out (ITensor, long) gram) ? gram : null;

    /// <summary>Frees the sums.</summary>
    public void Dispose()
    {
        foreach ((ITensor sum, _) in _grams.Values)
            sum.Dispose();
        _grams.Clear();
    }

    private void Add(Linear layer, ITensor x, CancellationToken ct)
    {
        ITensor gram = engine.Gram(engine.Transpose(x), ct);
        if (!_grams.TryGetValue(layer, out (ITensor Sum, long Count) known))
        {
            _grams[layer] = (gram, x.Shape[0]);
            return;
        }
        engine.AddScaled(1, gram, 1, known.Sum);
        gram.Dispose();
        _grams[layer] = (known.Sum, known.Count + x.Shape[0]);
    }
}
