using LowRankTools.Formats;
using LowRankTools.Numerics;

namespace LowRankTools.Core;

/// <summary>Pairs that are computed from the weights, several layers side by side.</summary>
internal sealed class ComputedPairs : IPairSource
{
    private readonly FactorizationJob _job;
    private readonly LayerPipeline<OutputItem.Pair, LayerFactors> _layers;

    /// <summary>Starts on the first layers.</summary>
    /// <param name="job">The model and its options.</param>
    /// <param name="pairs">Layers in the order in which they will be asked for.</param>
    /// <param name="cancellationToken">Stops all layers.</param>
    public ComputedPairs(FactorizationJob job, IReadOnlyList<OutputItem.Pair> pairs, CancellationToken cancellationToken)
    {
        _job = job;
        _layers = new LayerPipeline<OutputItem.Pair, LayerFactors>(pairs, p => p.Layer.Tensor.ElementCount * sizeof(float), f => f.Bytes, Factorize, LayersAtATime, cancellationToken);
    }

    // Another engine has threads of its own, or a device, and Gram matrices are larger than the weights: one layer at a time.
    private bool OneAtATime => !_job.Engine.IsEmbedded || Options.Calibration is not null;

    private int LayersAtATime => OneAtATime ? 1 : Options.Svd.ThreadCount > 0 ? Options.Svd.ThreadCount : EngineCatalog.Embedded.ThreadCount;

    private FactorizeOptions Options => _job.Options;

    /// <summary>Is told every byte of factors that is written; null for nobody.</summary>
    public Action<ReadOnlySpan<byte>>? Written { get; init; }

    /// <inheritdoc/>
    public MeasuredPair Write(OutputItem.Pair pair, ModelOutput output, CancellationToken cancellationToken)
    {
        MeasuredPair measured = default;
        _layers.Next(factors => measured = Write(pair, factors, output, cancellationToken));
        return measured;
    }

    /// <inheritdoc/>
    public void Dispose() => _layers.Dispose();

    private LayerFactors Factorize(OutputItem.Pair pair, int threads, CancellationToken cancellationToken)
    {
        SvdOptions svd = Options.Svd with { ThreadCount = OneAtATime ? Options.Svd.ThreadCount : threads };
        ITensorEngine engine = _job.Engine.Create(svd.ThreadCount, svd.Seed);
        using LayerCalibration? calibration = _job.Calibrations?.Find(pair.Layer.Shape, engine, cancellationToken);
        return Compute(_job.Model, pair.Layer, engine, calibration, Options.Calibration, pair.Plan.Rank!.Value, Options.Split, pair.First.DType, svd, cancellationToken);
    }

    /// <summary>Factorizes one layer: as (out, in) a linear map, however it is stored; as (entries, features) an embedding.</summary>
    internal static LayerFactors Compute(Model model, ModelLayer layer, ITensorEngine engine, LayerCalibration? calibration, CalibrationOptions? use,
        int rank, FactorSplit split, TensorDType dtype, SvdOptions svd, CancellationToken cancellationToken)
    {
        using Matrix<float> weight = WeightMatrix.Read(model.File, layer.Tensor, cancellationToken);
        bool embedding = layer.Shape.Kind == LayerKind.Embedding;
        MatrixView<float> view = !embedding && layer.Shape.Orientation == WeightOrientation.InOut ? weight.Transposed : weight.View;
        return WeightMatrix.Named(model, layer, () => calibration is null
            ? LayerFactors.Compute(engine, view, rank, split, dtype, svd, cancellationToken)
            : CalibratedFactors.Compute(engine, view, embedding, calibration, use!, rank, split, dtype, svd, cancellationToken));
    }

    private MeasuredPair Write(OutputItem.Pair pair, LayerFactors factors, ModelOutput output, CancellationToken cancellationToken)
    {
        bool embedding = pair.Layer.Shape.Kind == LayerKind.Embedding;
        bool graph = _job.Format == ModelFormat.Onnx;
        string source = _job.Model.Source.Path;
        MatrixRows.Write(output, pair.First, embedding ? factors.Left.View : graph ? factors.Right.Transposed : factors.Right.View, source, Written, cancellationToken);
        MatrixRows.Write(output, pair.Second, (embedding, graph) switch
        {
            (true, true) => factors.Right.View,
            (true, false) => factors.Right.Transposed,
            (false, true) => factors.Left.Transposed,
            _ => factors.Left.View,
        }, source, Written, cancellationToken);
        return new MeasuredPair(factors.RelativeError, factors.SquaredNorm, factors.Algorithm, factors.Seconds, factors.CalibratedError, factors.HeldOutError);
    }
}
