using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Calibration;

/// <summary>The weighted problem that a calibration makes of one layer, W being out x in.</summary>
internal sealed class CalibratedLayer : IDisposable
{
    private readonly List<IDisposable> _owned = [];
    private readonly ITensorEngine _engine;
    private readonly CalibrationMode _mode;

    /// <summary>States the problem.</summary>
    /// <param name="engine">What computes.</param>
    /// <param name="weight">W, out x in.</param>
    /// <param name="calibration">What is known of the layer.</param>
    /// <param name="options">What of it is used.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    public CalibratedLayer(ITensorEngine engine, MatrixView<float> weight, LayerCalibration calibration, CalibrationOptions options, CancellationToken cancellationToken)
    {
        (_engine, _mode) = (engine, options.Mode);
        Gram arriving = calibration.Inputs.Arriving;
        double ridge = arriving.Ridge(options.Damping);
        Columns = Inputs = Own(arriving.Plus(ridge));
        Target = Own(HostMatrix.Of(weight));
        if (options.Mode == CalibrationMode.Diagonal)
        {
            // The columns are scaled by (mean |x|)^1/2: the Gram of that scaling.
            Gram magnitudes = Gram.Of(calibration.Magnitudes);
            Columns = Own(magnitudes.Plus(magnitudes.Ridge(options.Damping)));
            Problem = Own(new WeightedProblem(engine, Target, null, Columns));
            return;
        }
        if (calibration.Inputs.Cross is { } cross)
        {
            Matrix<double> anchored = Own(SequentialTarget.Compute(engine, Target, cross, Inputs.Dense!, ridge, cancellationToken));
            // ||W Y - W' Y||^2 + ||W X - W' Y||^2 is twice the squared distance of W' from the mean of both unrestricted solutions, and a constant.
            if (options.Mode == CalibrationMode.Blended)
                HostMatrix.Average(anchored, Target);
            Target = anchored;
        }
        Outputs = options.Mode is not CalibrationMode.Inputs && calibration.OutputGradients is { } gradients ? Own(gradients.Plus(gradients.Ridge(options.Damping))) : null;
        Problem = Own(new WeightedProblem(engine, Target, Outputs, Inputs));
    }

    /// <summary>What the pair is fitted to: W, or what W becomes on the inputs of compressed layers.</summary>
    public Matrix<double> Target { get; }

    /// <summary>The damped Gram matrix of the inputs that will arrive.</summary>
    public Gram Inputs { get; }

    /// <summary>What weighs the columns of W in the problem: <see cref="Inputs"/>, or their mean magnitudes.</summary>
    public Gram Columns { get; }

    /// <summary>The damped Gram matrix of the gradients at the outputs; null where they are not used.</summary>
    public Gram? Outputs { get; }

    /// <summary>The problem.</summary>
    public WeightedProblem Problem { get; }

    /// <summary>The pair of a rank: the problem's own, or of swept calibration the refitted one of the softened problem.</summary>
    /// <param name="rank">r, 1 to min(m, n).</param>
    /// <param name="svd">Seed and accuracy where the problem is a scaling.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    public WeightedPair Solve(int rank, SvdOptions svd, CancellationToken cancellationToken)
    {
        if (_mode != CalibrationMode.Swept)
            return Problem.Solve(rank, svd, cancellationToken);
        using Gram? left = Outputs?.Root(_engine, cancellationToken);
        using Gram right = Inputs.Root(_engine, cancellationToken);
        using WeightedProblem softened = new(_engine, Target, left, right);
        using WeightedPair start = softened.Solve(rank, svd, cancellationToken);
        Matrix<double> b = FactorRefit.Left(_engine, Target, start.Right, Inputs, cancellationToken);
        return new WeightedPair(b, FactorRefit.Right(_engine, Target, b, Outputs, cancellationToken), start.Values, "swept, float64");
    }

    /// <inheritdoc/>
    public void Dispose() => _owned.ForEach(o => o.Dispose());

    private T Own<T>(T owned)
        where T : IDisposable
    {
        _owned.Add(owned);
        return owned;
    }
}
