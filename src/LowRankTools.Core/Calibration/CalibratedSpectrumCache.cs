using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Spectra;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Core.Calibration;

/// <summary>
/// Calibrated spectra that were computed before, by everything that they are computed from: the content of the weight and of
/// every tensor that the calibration has on the layer, which way the weight is read, the options and the engine.
/// </summary>
/// <param name="folder">Where they are kept: the weight of the layer in a plan, then the values.</param>
/// <param name="weights">Names of the contents of the model's tensors.</param>
/// <param name="file">The calibration.</param>
/// <param name="use">What of it is used.</param>
/// <param name="engine">What computes: another engine's values differ in their last digits.</param>
internal sealed class CalibratedSpectrumCache(CacheFolder folder, ContentKeys weights, CalibrationFile file, CalibrationOptions use, string engine)
{
    private readonly ContentKeys _parts = file.Keys(folder);

    /// <summary>The spectrum of a layer: the kept one, or computed now and kept.</summary>
    public CalibratedSpectrum Get(ModelLayer layer, Func<CalibratedSpectrum> compute, CancellationToken cancellationToken)
    {
        string name = $"calibrated-{engine}-{Key(layer, cancellationToken)}";
        if (folder.Read(name) is { } content && MemoryMarshal.Cast<byte, double>(content) is [>= 0 and var weight, .. var kept] && SpectrumCache.IsSpectrum(kept, layer.Shape))
            return new CalibratedSpectrum(kept.ToArray(), weight);
        CalibratedSpectrum spectrum = compute();
        folder.Write(name, MemoryMarshal.AsBytes<double>([spectrum.Weight, .. spectrum.Values]));
        return spectrum;
    }

    /// <summary>Keeps the names, and the folder small.</summary>
    public void Close()
    {
        weights.Save();
        _parts.Save();
        folder.Trim();
    }

    private string Key(ModelLayer layer, CancellationToken cancellationToken)
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"{weights.Of(layer.Tensor, cancellationToken)}\n{layer.Shape.Kind == LayerKind.Embedding}\n{layer.Shape.Orientation}\n{use.Mode}\n{use.Damping:R}\n");
        foreach ((string part, TensorInfo tensor) in file.Parts(layer.Shape).OrderBy(p => p.Key, StringComparer.Ordinal))
            text.Append(CultureInfo.InvariantCulture, $"{part} {_parts.Of(tensor, cancellationToken)}\n");
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }
}
