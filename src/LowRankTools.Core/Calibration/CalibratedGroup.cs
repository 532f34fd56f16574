using LowRankTools.Core.Plans;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Calibration;

/// <summary>
/// The weighted problem of several layers that are to share one right factor: the stacked weights [W_1; ...; W_g], their columns weighed by the sum of the layers' Gram
/// matrices, their rows by the layers' own output gradients where every layer has them (Wang et al., Basis Sharing, 2024, with gradients besides).
/// </summary>
internal sealed class CalibratedGroup : IDisposable
{
    private readonly List<IDisposable> _owned = [];

    /// <summary>States the problem.</summary>
    /// <param name="engine">What computes.</param>
    /// <param name="weights">W_i, out x in each.</param>
    /// <param name="calibrations">What is known of each layer.</param>
    /// <param name="options">What of it is used.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    public CalibratedGroup(ITensorEngine engine, IReadOnlyList<MatrixView<float>> weights, IReadOnlyList<LayerCalibration> calibrations, CalibrationOptions options, CancellationToken cancellationToken)
    {
        Layers = [.. weights.Select((w, i) => Own(new CalibratedLayer(engine, w, calibrations[i], options, cancellationToken)))];
        Matrix<double> targets = Own(HostMatrix.Stack([.. Layers.Select(l => l.Target.View)]));
        Gram columns = Own(Gram.Sum([.. Layers.Select(l => l.Columns)]));
        Gram? rows = Layers.All(l => l.Outputs is not null) ? Own(Gram.Blocks([.. Layers.Select(l => l.Outputs!)])) : null;
        Problem = Own(new WeightedProblem(engine, targets, rows, columns));
    }

    /// <summary>The layers' own problems.</summary>
    public IReadOnlyList<CalibratedLayer> Layers { get; }

    /// <summary>The problem of all of them.</summary>
    public WeightedProblem Problem { get; }

    /// <inheritdoc/>
    public void Dispose() => _owned.ForEach(o => o.Dispose());

    private T Own<T>(T owned)
        where T : IDisposable
    {
        _owned.Add(owned);
        return owned;
    }
}
