using LowRankTools.Core.Calibration;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Factors;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Scheduling;
using LowRankTools.Core.Storage;
using LowRankTools.Decompositions.Pivoted;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Formats;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Core.Factorization;

/// <summary>Pairs and chains that are computed from the weights, several layers side by side.</summary>
internal sealed class ComputedPairs : IPairSource
{
    private readonly FactorizationJob _job;
    private readonly LayerPipeline<FactoredItem, ComputedLayer> _layers;

    /// <summary>Starts on the first layers.</summary>
    /// <param name="job">The model and its options.</param>
    /// <param name="pairs">Layers in the order in which they will be asked for.</param>
    /// <param name="cancellationToken">Stops all layers.</param>
    public ComputedPairs(FactorizationJob job, IReadOnlyList<FactoredItem> pairs, CancellationToken cancellationToken)
    {
        _job = job;
        _layers = new LayerPipeline<FactoredItem, ComputedLayer>(pairs, p => p.Layers.Sum(l => l.Tensor.ElementCount) * sizeof(float), f => f.Bytes, Factorize, LayersAtATime, cancellationToken,
            job.Engines.HasOwnMemory ? 4 : 2);
    }

    // Gram matrices are larger than the weights: one layer at a time.
    private bool OneAtATime => Options.Calibration is not null;

    // While a device computes, the next layer is read.
    private int LayersAtATime => OneAtATime ? 1 : _job.Engines.HasOwnMemory && !_job.Engines.AreMixed ? LayerEngines.LayersOnDevice + 1
        : Options.Svd.ThreadCount > 0 ? Options.Svd.ThreadCount : EngineCatalog.Embedded.ThreadCount;

    private FactorizeOptions Options => _job.Options;

    /// <summary>Is told every byte of factors that is written; null for nobody.</summary>
    public Action<ReadOnlySpan<byte>>? Written { get; init; }

    /// <inheritdoc/>
    public IReadOnlyList<MeasuredPair> Write(FactoredItem pair, ModelOutput output, CancellationToken cancellationToken)
    {
        IReadOnlyList<MeasuredPair> measured = [];
        _layers.Next(layer => measured = Write(pair, layer, output, cancellationToken));
        return measured;
    }

    /// <inheritdoc/>
    public void Dispose() => _layers.Dispose();

    private ComputedLayer Factorize(FactoredItem item, int threads, CancellationToken cancellationToken) =>
        item.Plan.Made switch
        {
            null when item.Sharing.Count > 0 => Shared(item, threads, cancellationToken),
            null => Pair(item, threads, (engine, weight, t) => Compute(engine, item, weight, t, cancellationToken), cancellationToken),
            PivotedLayer => Pair(item, threads, (engine, weight, t) => Pivoted(engine, item, weight, t, cancellationToken), cancellationToken),
            _ => Made(item, threads, cancellationToken),
        };

    private ComputedLayer Made(FactoredItem item, int threads, CancellationToken cancellationToken)
    {
        using Tensor weight = LayerWeight.Read(_job.Model.File, item.Layer, cancellationToken);
        MadeFactors made = LayerMathematics.Named(_job.Model, item.Layer, () => MadeFactors.Compute(weight, item.Plan.Choice!, item.Factors[0].DType, _job.Format,
            new ComputeOptions { ThreadCount = threads, Seed = Options.Svd.Seed }, cancellationToken));
        return new ComputedLayer([.. made.Factors.Select(f => f.View)], [made.Measured with { Engine = LayerEngines.OfKernels }], made);
    }

    private ComputedLayer Shared(FactoredItem item, int threads, CancellationToken cancellationToken) => _job.Engines.Compute(item.Plan.Name, selected =>
    {
        SvdOptions svd = Options.Svd with { ThreadCount = OneAtATime || selected.HasOwnMemory ? Options.Svd.ThreadCount : threads };
        ITensorEngine engine = selected.Create(svd.ThreadCount, svd.Seed);
        using GroupWeights weights = GroupWeights.Read(_job.Model, item.Layers, engine, cancellationToken);
        using GroupCalibration? calibration = _job.Calibrations?.Find(item.Layers, engine, cancellationToken);
        SharedBasis shared = LayerMathematics.Named(_job.Model, item.Layer, () => SharedBasis.Compute(engine, weights.Views, calibration?.Layers, Options.Calibration, item.Plan.Rank!.Value, Options.Split,
            new FactorStorage(item.Factors[0].DType, null), svd, cancellationToken));
        bool graph = _job.Format.IsGraph();
        return new ComputedLayer([graph ? shared.Basis.Transposed : shared.Basis.View, .. shared.Coefficients.Select(c => graph ? c.Transposed : c.View)], [.. shared.Measured.Select(m => m with { Engine = selected.ToString() })], shared);
    }, cancellationToken);

    private ComputedLayer Pair(FactoredItem pair, int threads, Func<SelectedEngine, Matrix<float>, int, ComputedLayer> compute, CancellationToken cancellationToken)
    {
        ModelLayer layer = pair.Layer;
        using Matrix<float> weight = WeightMatrix.Read(_job.Model.File, layer.Tensor, cancellationToken);
        return _job.Engines.Compute(pair.Plan.Name, engine => compute(engine, weight, OneAtATime || engine.HasOwnMemory ? Options.Svd.ThreadCount : threads), cancellationToken);
    }

    private LayerFactors Factors(SelectedEngine selected, FactoredItem pair, Matrix<float> weight, FactorStorage storage, int threads, CancellationToken cancellationToken)
    {
        SvdOptions svd = Options.Svd with { ThreadCount = threads };
        ITensorEngine engine = selected.Create(threads, svd.Seed);
        using LayerCalibration? calibration = _job.Calibrations?.Find(pair.Layer.Shape, engine, cancellationToken);
        return PairComputation.Factorize(_job.Model, pair.Layer, weight, engine, calibration, Options.Calibration, pair.Plan.Rank!.Value, Options.Split, storage, svd, cancellationToken);
    }

    private ComputedLayer Pivoted(SelectedEngine selected, FactoredItem item, Matrix<float> weight, int threads, CancellationToken cancellationToken)
    {
        using LayerFactors pair = Factors(selected, item, weight, new FactorStorage(TensorDType.F32, null), threads, cancellationToken);
        using Tensor dense = LayerWeight.Matrix(weight, item.Layer);
        MadeFactors made = LayerMathematics.Named(_job.Model, item.Layer, () => MadeFactors.OfPair(pair, dense, item.Plan.Choice!, item.Factors[0].DType, _job.Format,
            new ComputeOptions { ThreadCount = threads }, cancellationToken));
        return new ComputedLayer([.. made.Factors.Select(f => f.View)], [made.Measured with { Engine = selected.ToString() }], made);
    }

    private ComputedLayer Compute(SelectedEngine selected, FactoredItem pair, Matrix<float> weight, int threads, CancellationToken cancellationToken)
    {
        ModelLayer layer = pair.Layer;
        LayerFactors factors = Factors(selected, pair, weight, new FactorStorage(pair.Factors[0].DType, pair.Plan.Quantization), threads, cancellationToken);
        MeasuredPair measured = new(factors.RelativeError, factors.SquaredNorm, factors.Algorithm, factors.Seconds, factors.CalibratedError, factors.HeldOutError, selected.ToString())
        {
            Truncation = factors.TruncationError, Quantization = factors.QuantizationError,
        };
        bool embedding = layer.Shape.Kind == LayerKind.Embedding;
        return new ComputedLayer(AsStored(factors, embedding, _job.Format.IsGraph()), [measured], factors)
        {
            Levels = factors is { LeftLevels: { } left, RightLevels: { } right } ? embedding ? [left, right] : [right, left] : null,
        };
    }

    /// <summary>Both factors as the format has them: a graph multiplies by (in, r) and (r, out).</summary>
    private static MatrixView<float>[] AsStored(LayerFactors factors, bool embedding, bool graph) =>
    [
        embedding ? factors.Left.View : graph ? factors.Right.Transposed : factors.Right.View,
        (embedding, graph) switch
        {
            (true, true) => factors.Right.View,
            (true, false) => factors.Right.Transposed,
            (false, true) => factors.Left.Transposed,
            _ => factors.Left.View,
        },
    ];

    private IReadOnlyList<MeasuredPair> Write(FactoredItem item, ComputedLayer layer, ModelOutput output, CancellationToken cancellationToken)
    {
        for (int i = 0; i < layer.Factors.Count; i++)
        {
            if (layer.Levels is { } levels)
                levels[i].Write(output, item.Parts![i], _job.Format == ModelFormat.Onnx, cancellationToken);
            else
                MatrixRows.Write(output, item.Factors[i], layer.Factors[i], _job.Model.Source.Path, Written, cancellationToken);
        }
        return layer.Measured;
    }
}
