using LowRankTools.Core.Planning.Candidates;
using LowRankTools.Core.Storage;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Layers.TensorTrain;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Planning.Measured;

/// <summary>
/// A layer of a network that runs, as the TT-matrix of any of its options: cores of smaller ranks are no parts of those of larger ones, so they are computed from the
/// weight each time that they are shown.
/// </summary>
/// <param name="engine">Where the network's parameters live.</param>
/// <param name="places">Where the network has the layer: one place, or those that share its weight.</param>
/// <param name="options">What the layer may become.</param>
/// <param name="factorize">The cores of an option.</param>
internal sealed class TrialCores(INetworkEngine engine, IReadOnlyList<Slot> places, IReadOnlyList<LayerOption> options, Func<FactorChoice, IReadOnlyList<Tensor>> factorize) : ITrialLayer
{
    private readonly List<Module> _dense = [.. places.Select(p => p.Child)];
    private readonly List<Parameter> _shown = [];

    /// <inheritdoc/>
    public void Show(int? number)
    {
        for (int i = 0; i < places.Count; i++)
            places[i].Replace(_dense[i]);
        _shown.ForEach(p => p.Dispose());
        _shown.Clear();
        if (number is not { } n)
            return;
        foreach (Tensor core in factorize(options[n - 1].Choice))
        {
            using (core)
                _shown.Add(new Parameter([.. core.Shape]) { Value = engine.Adopt(LayerWeight.Single(core), [.. core.Shape]) });
        }
        Module? table = _dense[0] is Embedding ? new TensorTrainEmbedding(_shown) : null;
        for (int i = 0; i < places.Count; i++)
            places[i].Replace(table ?? new TensorTrainLinear(_shown, ((Linear)_dense[i]).Bias));
    }

    /// <summary>Puts the dense layer back.</summary>
    public void Dispose() => Show(null);
}
