using LowRankTools.Core.Factors;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Calibration;

/// <summary>The pair of a layer, with a calibration or without.</summary>
internal static class PairComputation
{
    /// <summary>Factorizes one layer: as (out, in) a linear map, however it is stored; as (entries, features) an embedding.</summary>
    public static LayerFactors Factorize(Model model, ModelLayer layer, Matrix<float> weight, ITensorEngine engine, LayerCalibration? calibration, CalibrationOptions? use,
        int rank, FactorSplit split, FactorStorage storage, SvdOptions svd, CancellationToken cancellationToken)
    {
        bool embedding = layer.Shape.Kind == LayerKind.Embedding;
        MatrixView<float> view = !embedding && layer.Shape.Orientation == WeightOrientation.InOut ? weight.Transposed : weight.View;
        return LayerMathematics.Named(model, layer, () => calibration is null
            ? LayerFactors.Compute(engine, view, rank, split, storage, embedding, svd, cancellationToken)
            : CalibratedFactors.Compute(engine, view, embedding, calibration, use!, rank, split, storage, svd, cancellationToken));
    }
}
