using LowRankTools.Core.Calibration;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Core.Spectra;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Planning.Candidates;

/// <summary>Gives groups the singular values of their stacked weights, on calibration inputs where there are such.</summary>
internal sealed class GroupSpectra(Model model, PlanOptions options)
{
    /// <summary>Computes them, one group in memory at a time.</summary>
    /// <exception cref="LowRankTools.Numerics.LowRankToolsException"><c>CalibrationInvalid</c>, <c>CalibrationUnmatched</c>, <c>NonFiniteValues</c>.</exception>
    public void Find(IReadOnlyList<BasisGroup> groups, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        if (groups.Count == 0)
            return;
        using CalibrationFile? file = options.Calibration is { } use ? CalibrationFile.Open(use.Path) : null;
        ITensorEngine engine = EngineSelector.Select(options.Engine).Create(options.Svd.ThreadCount, options.Svd.Seed);
        for (int i = 0; i < groups.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            progress?.Report(new OperationProgress("Planning", groups[i].Whole.Name, i, groups.Count));
            using GroupWeights weights = GroupWeights.Read(model, [.. groups[i].Members.Select(m => m.Layer!)], engine, cancellationToken);
            using GroupCalibration? calibration = file is null ? null : GroupCalibration.Read(file, weights.Layers, engine, cancellationToken);
            double[] values = LayerMathematics.Named(model, weights.Layers[0], () => SharedBasis.Values(engine, weights.Views, calibration?.Layers, options.Calibration, cancellationToken));
            // A member has its share of the group's norm, and the group's relative error.
            double[] own = [.. values.Select(v => v / Math.Sqrt(groups[i].Members.Count))];
            groups[i].Whole.Values = values;
            groups[i].Whole.Weight = Weight(values, calibration?.Layers, groups[i].Members.Count);
            foreach (PlanCandidate member in groups[i].Members)
                (member.Values, member.Weight) = (own, groups[i].Whole.Weight);
        }
    }

    /// <summary>A group weighs as much as its layers would by themselves: with gradients by the tokens of all of them, which its Gram matrix is the sum over; else each layer counts as one whole.</summary>
    private double Weight(double[] values, IReadOnlyList<LayerCalibration>? calibrations, int layers)
    {
        double energy = SpectrumMeasures.SquaredNorm(values), sensitivity = calibrations?.Average(c => c.Sensitivity ?? 1) ?? 1;
        bool inLossUnits = calibrations?.All(c => c.OutputGradients is not null) == true && options.Calibration!.Mode is not (CalibrationMode.Diagonal or CalibrationMode.Inputs);
        return inLossUnits ? sensitivity / calibrations!.Sum(c => c.Count) : options.Weighting == Weighting.Absolute ? 1 : energy == 0 ? 0 : sensitivity * layers / energy;
    }
}
