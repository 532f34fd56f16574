using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Spectra;

/// <summary>Finds the singular values of a model's weight matrices, each storage once.</summary>
/// <param name="options">Layers, cache, engine.</param>
public sealed class MeasureSpectra(SpectrumOptions options)
{
    /// <summary>Measures; results come one by one, in the order of the file.</summary>
    /// <param name="source">The model.</param>
    /// <param name="progress">Told about every layer, in bytes.</param>
    /// <param name="cancellationToken">Stops inside the mathematics too.</param>
    /// <exception cref="LowRankToolsException"><c>NonFiniteValues</c>, <c>LayerNotFound</c>, <c>EngineUnavailable</c>, or the file is damaged.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public IEnumerable<LayerSpectrum> Run(ModelSource source, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        options.Validate();
        using Model model = Model.Open(source);
        options.Selection.RequireNames(model);
        ModelLayer[] layers = [.. model.Layers.Where(l => l.Shape.TiedTo is null && options.Selection.Reason(l) == KeepReason.None)];
        CacheFolder? folder = options.UseCache ? CacheFolder.OfUser() : null;
        string fingerprint = folder is null ? "" : ModelFingerprint.Compute(model.File, cancellationToken);
        SpectrumReader reader = new(model, fingerprint, options.Engine, options.Svd, folder);
        foreach ((ModelLayer layer, double[] values) in reader.Run(layers, "Measuring", progress, cancellationToken))
            yield return LayerSpectrum.Of(layer.Shape, values, options.Top);
    }
}
