using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Core.Storage;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Calibration;

/// <summary>
/// What a layer's ranks cost on calibration inputs: the singular values of T W R^T, whose squares beyond r are the weighted
/// energy that rank r discards. The same numbers that the calibrated factorization truncates.
/// </summary>
/// <param name="Values">Singular values, descending, min(out, in) of them.</param>
/// <param name="Weight">
/// Weight of the discarded energy in a plan over several layers: with gradients at the outputs the energies, divided by
/// the number of tokens (the sums over x and over g have it twice), are in the loss's own unit; without, each layer's is
/// relative to its own. Times the sensitivity that the file gives, or one.
/// </param>
internal sealed record CalibratedSpectrum(double[] Values, double Weight)
{
    /// <summary>Computes the spectrum of one layer.</summary>
    /// <param name="engine">What computes.</param>
    /// <param name="model">The model.</param>
    /// <param name="layer">A matrix of it that the file <see cref="CalibrationFile.Has"/>.</param>
    /// <param name="file">The calibration.</param>
    /// <param name="options">What of it is used.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    /// <exception cref="LowRankToolsException"><c>CalibrationInvalid</c>, <c>NonFiniteValues</c>.</exception>
    public static CalibratedSpectrum Compute(ITensorEngine engine, Model model, ModelLayer layer, CalibrationFile file, CalibrationOptions options, CancellationToken cancellationToken)
    {
        using LayerCalibration calibration = file.Read(layer.Shape, engine, cancellationToken);
        using Matrix<float> weight = WeightMatrix.Read(model.File, layer.Tensor, cancellationToken);
        MatrixView<float> outIn = layer.Shape.Orientation == WeightOrientation.InOut || layer.Shape.Kind == LayerKind.Embedding ? weight.Transposed : weight.View;
        return LayerMathematics.Named(model, layer, () =>
        {
            using CalibratedLayer calibrated = new(engine, outIn, calibration, options, cancellationToken);
            double[] values = calibrated.Problem.Values(cancellationToken);
            double norm = values.Sum(s => s * s), sensitivity = calibration.Sensitivity ?? 1;
            bool inLossUnits = options.Mode is not (CalibrationMode.Diagonal or CalibrationMode.Inputs) && calibration.OutputGradients is not null;
            return new CalibratedSpectrum(values, inLossUnits ? sensitivity / calibration.Count : norm > 0 ? sensitivity / norm : 0);
        });
    }
}
