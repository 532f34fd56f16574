using LowRankTools.Core.Calibration;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Factors;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Adapters.Editing;

/// <summary>
/// The pair for a delta that loses the least at the module's output, ||(Delta - B A) X||_F on the inputs X of a calibration: the
/// truncation of <see cref="WeightedProblem"/>, with the difference of two models in the weight's place.
/// </summary>
/// <param name="options">What of the calibration is used.</param>
/// <param name="threads">Threads; zero for all.</param>
internal sealed class CalibratedDelta(CalibrationOptions options, int threads) : IDisposable
{
    private readonly CalibrationFile _file = CalibrationFile.Open(options.Path);
    private readonly SelectedEngine _engine = EngineSelector.Select(new EngineChoice());

    /// <summary>Whether the calibration is used for a weight: it knows matrices, and no kernels.</summary>
    public bool Has(LayerShape shape) => shape.IsMatrix && _file.Has(shape.Name);

    /// <summary>Checks every shape before anything is computed.</summary>
    /// <param name="shapes">The weights that get pairs.</param>
    /// <param name="inOneBudget">Whether their losses are weighed against each other.</param>
    /// <exception cref="LowRankToolsException"><c>CalibrationInvalid</c>: a shape does not fit; <c>CalibrationUnmatched</c>: the file knows none of
    /// the weights, or not all that share one budget, whose losses would be in different units.</exception>
    public void Check(IReadOnlyList<LayerShape> shapes, bool inOneBudget)
    {
        foreach (LayerShape shape in shapes.Where(Has))
            _file.Check(shape);
        LayerShape? missing = shapes.FirstOrDefault(s => !Has(s));
        if (missing is not null && (inOneBudget || !shapes.Any(Has)))
        {
            throw new LowRankToolsException(CoreErrors.CalibrationUnmatched, $"{_file.Path}: it has nothing on '{missing.Name}'{(inOneBudget ? ", whose loss cannot be weighed against that of calibrated weights" : "")}.",
                inOneBudget ? "Leave the weight out with -Exclude, or give each weight a -Rank." : "Name its tensors as the layers of the tuned model.");
        }
        if (inOneBudget)
            _file.RequireOneUnit([.. shapes.Select(s => s.Name)]);
    }

    /// <summary>The singular values that a rank truncates: those of T Delta R^T.</summary>
    /// <param name="shape">The weight.</param>
    /// <param name="delta">out x in.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    public double[] Values(LayerShape shape, MatrixView<float> delta, CancellationToken cancellationToken)
    {
        ITensorEngine engine = Engine();
        using LayerCalibration calibration = _file.Read(shape, engine, cancellationToken);
        using CalibratedLayer layer = new(engine, delta, OfOneRun(calibration), options, cancellationToken);
        return layer.Problem.Values(cancellationToken);
    }

    /// <summary>Decomposes a delta; null for one of zeros.</summary>
    /// <param name="module">Name of the module.</param>
    /// <param name="shape">The weight.</param>
    /// <param name="delta">out x in.</param>
    /// <param name="rank">A rule, of the singular values that are truncated.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    /// <exception cref="LowRankToolsException"><c>NonFiniteValues</c>, <c>CalibrationInvalid</c>.</exception>
    public ComputedModule? Compute(string module, LayerShape shape, MatrixView<float> delta, AdapterRank rank, CancellationToken cancellationToken)
    {
        ITensorEngine engine = Engine();
        using ITensor stored = engine.Load(delta);
        double squaredNorm = engine.SumOfSquares(stored);
        if (!double.IsFinite(squaredNorm))
            throw new LowRankToolsException(CoreErrors.NonFiniteValues, $"The {delta.Rows}x{delta.Columns} difference holds NaN or infinity.", "Repair or exclude this tensor.");
        if (squaredNorm == 0)
            return null;
        using LayerCalibration calibration = _file.Read(shape, engine, cancellationToken);
        using CalibratedLayer layer = new(engine, delta, OfOneRun(calibration), options, cancellationToken);
        int chosen = rank is AdapterRank.Fixed f ? Math.Min(Math.Min(f.Value, rank.MaxRank ?? int.MaxValue), delta.SmallerSide) : rank.Choose(layer.Problem.Values(cancellationToken));
        using WeightedPair pair = layer.Solve(chosen, new SvdOptions { ThreadCount = threads }, cancellationToken);
        pair.Split(FactorSplit.Balanced);
        AdapterFactors factors = new() { Name = module, A = HostMatrix.Single(pair.Right.View), B = HostMatrix.Single(pair.Left.View), Inputs = [delta.Columns], IsEmbedding = shape.Kind == LayerKind.Embedding };
        (double lost, double whole) = Squared(calibration.Inputs);
        return new ComputedModule(factors, new AdapterModuleResult
        {
            Name = module, Shape = [delta.Rows, delta.Columns], RankBefore = delta.SmallerSide, Rank = chosen, Norm = Math.Sqrt(squaredNorm),
            RelativeError = FactorResidual.Relative(engine, stored, factors.B, factors.A, squaredNorm, cancellationToken),
            CalibratedNorm = Math.Sqrt(Math.Max(whole, 0)),
            CalibratedError = CalibratedError.Relative((lost, whole)),
            HeldOutError = calibration.HeldOut is { } heldOut ? CalibratedError.Relative(Squared(heldOut)) : null,
        });

        (double Lost, double Whole) Squared(InputGrams inputs) => CalibratedError.Squared(engine, delta, factors.B.View, factors.A.View, new InputGrams(inputs.Original), cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private ITensorEngine Engine() => _engine.Create(threads, new SvdOptions().Seed);

    // An adapter works on a model that nothing was compressed in: what the file knows of inputs after compression is no part of it.
    private static LayerCalibration OfOneRun(LayerCalibration calibration) => new()
    {
        Inputs = new InputGrams(calibration.Inputs.Original), Magnitudes = calibration.Magnitudes, Count = calibration.Count, OutputGradients = calibration.OutputGradients,
    };
}
