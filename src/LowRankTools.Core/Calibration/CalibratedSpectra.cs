using LowRankTools.Core.Engines;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Spectra;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Calibration;

/// <summary>Calibrated spectra of a model's layers, one after the other; from the cache where they are known.</summary>
internal sealed class CalibratedSpectra(Model model, string fingerprint, CalibrationFile file, CalibrationOptions use, EngineChoice choice, SvdOptions svd, CacheFolder? folder)
{
    private readonly SelectedEngine _engine = EngineSelector.Select(choice);

    /// <summary>Computes or finds them.</summary>
    /// <param name="layers">Matrices of the model that the file <see cref="CalibrationFile.Has"/>, in the order in which they come out.</param>
    /// <param name="progress">Told about every layer.</param>
    /// <param name="cancellationToken">Stops inside the mathematics too.</param>
    /// <exception cref="LowRankToolsException"><c>CalibrationInvalid</c>, <c>NonFiniteValues</c>.</exception>
    public IEnumerable<CalibratedSpectrum> Run(IReadOnlyList<ModelLayer> layers, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        CalibratedSpectrumCache? cache = folder is null ? null
            : new CalibratedSpectrumCache(folder, new ContentKeys(model.File, fingerprint, folder), file, use, _engine.Info.Name);
        try
        {
            for (int i = 0; i < layers.Count; i++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                progress?.Report(new OperationProgress("Calibrating", layers[i].Shape.Name, i, layers.Count));
                CalibratedSpectrum Compute() =>
                    CalibratedSpectrum.Compute(_engine.Create(svd.ThreadCount, svd.Seed), model, layers[i], file, use, cancellationToken);
                yield return cache is null ? Compute() : cache.Get(layers[i], Compute, cancellationToken);
            }
        }
        finally
        {
            cache?.Close();
        }
    }
}
