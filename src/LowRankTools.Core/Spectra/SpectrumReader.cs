using LowRankTools.Core.Engines;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Scheduling;
using LowRankTools.Core.Storage;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Spectra;

/// <summary>
/// Singular values of a model's layers, one layer after the other handed out, several computed side by side. They come from
/// the cache where they are known.
/// </summary>
internal sealed class SpectrumReader(Model model, string fingerprint, EngineChoice choice, SvdOptions svd, CacheFolder? folder)
{
    private readonly SelectedEngine _engine = EngineSelector.Select(choice);

    /// <summary>Reads or computes; the layers are matrices of readable types.</summary>
    /// <param name="layers">Layers, in the order in which they come out.</param>
    /// <param name="activity">What is being done, for people.</param>
    /// <param name="progress">Told about every layer, in bytes.</param>
    /// <param name="cancellationToken">Stops inside the mathematics too.</param>
    /// <exception cref="LowRankToolsException"><c>NonFiniteValues</c>, or the file is damaged.</exception>
    public IEnumerable<(ModelLayer Layer, double[] Values)> Run(IReadOnlyList<ModelLayer> layers, string activity, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        SpectrumCache? cache = folder is null ? null : new SpectrumCache(folder, new ContentKeys(model.File, fingerprint, folder), _engine.Info.Name);
        try
        {
            using LayerPipeline<ModelLayer, double[]> pipeline = new(layers, l => l.Tensor.ElementCount * sizeof(float), values => values.Length * sizeof(double),
                (layer, threads, token) => Values(layer, cache, threads, token), LayersAtATime, cancellationToken);
            long done = 0, total = layers.Sum(l => l.Shape.Bytes);
            foreach (ModelLayer layer in layers)
            {
                cancellationToken.ThrowIfCancellationRequested();
                progress?.Report(new OperationProgress(activity, layer.Shape.Name, done, total));
                double[] values = [];
                pipeline.Next(v => values = v);
                done += layer.Shape.Bytes;
                yield return (layer, values);
            }
        }
        finally
        {
            cache?.Close();
        }
    }

    // A device gets one layer at a time.
    private int LayersAtATime => _engine.HasOwnMemory ? 1 : svd.ThreadCount > 0 ? svd.ThreadCount : EngineCatalog.Embedded.ThreadCount;

    private double[] Values(ModelLayer layer, SpectrumCache? cache, int threads, CancellationToken cancellationToken) =>
        cache is null ? Compute(layer, threads, cancellationToken) : cache.Get(layer, () => Compute(layer, threads, cancellationToken), cancellationToken);

    private double[] Compute(ModelLayer layer, int threads, CancellationToken cancellationToken)
    {
        using Matrix<float> weight = WeightMatrix.Read(model.File, layer.Tensor, cancellationToken);
        ITensorEngine engine = _engine.Create(_engine.HasOwnMemory ? svd.ThreadCount : threads, svd.Seed);
        using ITensor loaded = engine.Load(weight.View);
        return LayerMathematics.Named(model, layer, () => SingularValues.Compute(engine, loaded, cancellationToken));
    }
}
