using System.Diagnostics;
using LowRankTools.Core.Architectures;
using LowRankTools.Core.Calibration;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Storage;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Resizing;

/// <summary>A feed-forward part that was made smaller: which units stay, and the weight that reads them.</summary>
/// <param name="Units">Numbers of the units that stay, ascending.</param>
/// <param name="Down">W', outputs x units.</param>
/// <param name="Result">What it lost.</param>
internal sealed record FittedPart(int[] Units, Matrix<float> Down, ResizedPart Result) : IDisposable
{
    /// <summary>Chooses units and fits the weight.</summary>
    /// <param name="engine">What computes.</param>
    /// <param name="model">The opened model.</param>
    /// <param name="part">The part.</param>
    /// <param name="calibration">What is known of the weight that reads hidden units.</param>
    /// <param name="options">Selection and damping.</param>
    /// <param name="kept">Units that stay.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    /// <exception cref="LowRankToolsException"><c>NonFiniteValues</c>.</exception>
    public static FittedPart Compute(ITensorEngine engine, Model model, FeedForwardPart part, LayerCalibration calibration, ResizeOptions options, int kept, CancellationToken cancellationToken)
    {
        Stopwatch clock = Stopwatch.StartNew();
        using Matrix<float> stored = WeightMatrix.Read(model.File, part.Down.Tensor, cancellationToken);
        MatrixView<float> weight = part.Down.Shape.Orientation == WeightOrientation.InOut ? stored.Transposed : stored.View;
        using Matrix<double> wide = HostMatrix.Of(weight);
        Gram original = calibration.Inputs.Original;
        using Gram activations = original.Plus(original.Ridge(options.Calibration.Damping));
        HiddenUnits hidden = new(engine, activations.Dense!, cancellationToken);
        int[] units = options.Selection == UnitSelection.Leverage ? hidden.ByLeverage(kept) : hidden.ByElimination(wide, calibration.OutputGradients, kept);
        using Matrix<double> fitted = hidden.Fit(wide, units);
        Matrix<float> down = HostMatrix.Single(fitted.View);
        using Matrix<float> selection = new(units.Length, part.Hidden);
        for (int i = 0; i < units.Length; i++)
            selection[i, units[i]] = 1;
        double Error(Gram inputs) => CalibratedError.Relative(engine, weight, down.View, selection.View, new InputGrams(inputs), cancellationToken);
        ResizedPart result = new()
        {
            Name = part.Down.Shape.Name,
            CalibratedError = Error(original),
            HeldOutError = calibration.HeldOut is { Original: { } heldOut } ? Error(heldOut) : null,
            Seconds = clock.Elapsed.TotalSeconds,
        };
        return new FittedPart(units, down, result);
    }

    /// <inheritdoc/>
    public void Dispose() => Down.Dispose();
}
