using System.Runtime.InteropServices;
using LowRankTools.Core.Layers;

namespace LowRankTools.Core.Spectra;

/// <summary>Singular values that were computed before, by the content of the tensor and the engine that computed them.</summary>
/// <param name="folder">Where they are kept.</param>
/// <param name="keys">Names of the tensors' contents.</param>
/// <param name="engine">What computes: another engine's values differ in their last digits.</param>
internal sealed class SpectrumCache(CacheFolder folder, ContentKeys keys, string engine)
{
    /// <summary>The values of a layer: kept ones, or computed now and kept.</summary>
    public double[] Get(ModelLayer layer, Func<double[]> compute, CancellationToken cancellationToken)
    {
        string name = $"spectrum-{engine}-{keys.Of(layer.Tensor, cancellationToken)}";
        if (folder.Read(name) is { } kept && IsSpectrum(MemoryMarshal.Cast<byte, double>(kept), layer.Shape))
            return MemoryMarshal.Cast<byte, double>(kept).ToArray();
        double[] values = compute();
        folder.Write(name, MemoryMarshal.AsBytes<double>(values));
        return values;
    }

    /// <summary>Keeps the names, and the folder small.</summary>
    public void Close()
    {
        keys.Save();
        folder.Trim();
    }

    /// <summary>Whether these can be the singular values of a layer: as many as it has, descending, none negative.</summary>
    public static bool IsSpectrum(ReadOnlySpan<double> values, LayerShape shape)
    {
        double above = double.MaxValue;
        foreach (double value in values)
        {
            if (!(value >= 0 && value <= above))
                return false;
            above = value;
        }
        return values.Length == Math.Min(shape.InFeatures!.Value, shape.OutFeatures!.Value);
    }
}
