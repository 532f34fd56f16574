using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Storage;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Calibration;

/// <summary>The weights of layers that share a basis, in memory and finite.</summary>
internal sealed class GroupWeights : IDisposable
{
    private readonly List<Matrix<float>> _stored = [];

    private GroupWeights(IReadOnlyList<ModelLayer> layers) => Layers = layers;

    /// <summary>The layers.</summary>
    public IReadOnlyList<ModelLayer> Layers { get; }

    /// <summary>Their weights, (out, in) each, however they are stored.</summary>
    public IReadOnlyList<MatrixView<float>> Views => [.. _stored.Select((w, i) => Layers[i].Shape.Orientation == WeightOrientation.InOut ? w.Transposed : w.View)];

    /// <summary>Reads them.</summary>
    /// <exception cref="LowRankToolsException"><c>NonFiniteValues</c>, or the file is damaged.</exception>
    public static GroupWeights Read(Model model, IReadOnlyList<ModelLayer> layers, ITensorEngine engine, CancellationToken cancellationToken)
    {
        GroupWeights weights = new(layers);
        try
        {
            foreach (ModelLayer layer in layers)
            {
                weights._stored.Add(WeightMatrix.Read(model.File, layer.Tensor, cancellationToken));
                LayerMathematics.Named(model, layer, () => CalibratedFactors.Finite(engine, weights._stored[^1].View));
            }
            return weights;
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _stored.ForEach(w => w.Dispose());
}
