using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Calibration;

/// <summary>
/// Sums, for every dense linear layer, x x^T over the inputs x that passes bring it, and g g^T over the gradients g at its outputs that
/// they bring back, in float64: what calibrated truncation needs to know.
/// </summary>
/// <param name="engine">Where the passes compute.</param>
public sealed class GramCollector(INetworkEngine engine) : IDisposable
{
    private readonly Dictionary<Layer, (ITensor Sum, long Count)> _inputs = new(ReferenceEqualityComparer.Instance), _gradients = new(ReferenceEqualityComparer.Instance);

    /// <summary>Listens to a pass: to its way forward, and in training to its way back.</summary>
    /// <param name="pass">The pass.</param>
    /// <param name="mask">For each row of tokens whether it counts, for batches with fill; null where all do. Layers that are fed other rows, such as one a
    /// sequence, count all of theirs.</param>
    public void Watch(Pass pass, bool[]? mask = null)
    {
        int[]? rows = mask?.Contains(false) == true ? [.. Enumerable.Range(0, mask.Length).Where(i => mask[i])] : null;
        pass.LinearInput = (layer, x) => Add(_inputs, layer, x, mask?.Length == x.Shape[0] ? rows : null, pass.CancellationToken);
        if (pass.IsTraining)
            pass.LinearGradient = (layer, g) => Add(_gradients, layer, g, mask?.Length == g.Shape[0] ? rows : null, pass.CancellationToken);
    }

    /// <summary>The sum of a layer's inputs, in x in in float64, and the tokens in it; null where no pass came by.</summary>
    public (ITensor Sum, long Count)? Of(Layer layer) => _inputs.TryGetValue(layer, out (ITensor, long) gram) ? gram : null;

    /// <summary>The sum of the gradients at a layer's outputs, out x out in float64; null where no pass came back by.</summary>
    public ITensor? GradientsOf(Layer layer) => _gradients.TryGetValue(layer, out (ITensor Sum, long) gram) ? gram.Sum : null;

    /// <summary>Goes on from sums that were collected before.</summary>
    /// <param name="layer">The layer, which no pass has come by yet.</param>
    /// <param name="sum">Of its inputs, in x in in float64; the collector's from here on.</param>
    /// <param name="count">Tokens in it.</param>
    /// <param name="gradients">Of the gradients at its outputs, out x out in float64, or null; the collector's from here on.</param>
    public void Restore(Layer layer, ITensor sum, long count, ITensor? gradients)
    {
        _inputs.Add(layer, (sum, count));
        if (gradients is not null) _gradients.Add(layer, (gradients, count));
    }

    /// <summary>Frees the sums.</summary>
    public void Dispose()
    {
        foreach ((ITensor sum, _) in _inputs.Values.Concat(_gradients.Values))
            sum.Dispose();
        _inputs.Clear();
        _gradients.Clear();
    }

    private void Add(Dictionary<Layer, (ITensor Sum, long Count)> grams, Layer layer, ITensor x, int[]? rows, CancellationToken ct)
    {
        if (rows is not null)
        {
            using ITensor kept = engine.Uninitialized(x.ElementType, rows.Length, x.Shape[1]);
            engine.Gather(x, rows, kept, ct);
            Add(grams, layer, kept, null, ct);
            return;
        }
        ITensor gram = engine.Gram(engine.Transpose(x), ct);
        if (!grams.TryGetValue(layer, out (ITensor Sum, long Count) known))
        {
            grams[layer] = (gram, x.Shape[0]);
            return;
        }
        engine.AddScaled(1, gram, 1, known.Sum);
        gram.Dispose();
        grams[layer] = (known.Sum, known.Count + x.Shape[0]);
    }
}
