using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Storage;
using LowRankTools.Formats;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Adapters.Editing;

/// <summary>
/// Holds an adapter against a base model before hours are spent: names, shapes, orientations, shared weights, types, parts
/// that would be lost, room on the disk. No values are read but alphas.
/// </summary>
/// <param name="alpha">Numerator of the scale for adapters that do not say theirs.</param>
/// <param name="outputPath">Where a merged model would go, for the room on its disk; null for beside the base model.</param>
public sealed class CheckAdapter(double? alpha = null, string? outputPath = null)
{
    /// <summary>Checks one adapter; what does not fit is told, what is no adapter is an error.</summary>
    /// <param name="adapterSource">Its weights.</param>
    /// <param name="baseModel">The model that it should fit.</param>
    /// <exception cref="LowRankToolsException">Those of <see cref="Adapter.Open"/> and of reading.</exception>
    public AdapterCheck Run(ModelSource adapterSource, ModelSource baseModel)
    {
        using Adapter adapter = Adapter.Open(adapterSource, alpha);
        using Model model = Model.Open(baseModel);
        AdapterFit fit = AdapterFit.Of(adapter, model);
        ModelFormat format = OutputFormats.Choose(null, outputPath, baseModel) is var chosen && chosen == ModelFormat.Onnx ? ModelFormat.Safetensors : chosen;
        HashSet<string> changed = fit.Targets.Select(t => t.Layer.Shape.Name).ToHashSet(StringComparer.Ordinal);
        long bytes = model.Layers.Where(l => l.Shape.TiedTo is null).Sum(l => (changed.Contains(l.Shape.Name)
            ? OutputTypes.Weight(l.Tensor.DType, null, format, l.Tensor.Shape) : OutputTypes.Copy(l.Tensor.DType, format, null)).ByteLength(l.Tensor.ElementCount));
        long? free = Free(outputPath is null ? Path.GetDirectoryName(baseModel.Path)! : Path.GetFullPath(outputPath));
        List<AdapterMisfit> problems = [.. fit.Misfits, .. adapter.Others.Select(o => new AdapterMisfit("", o.Name, "is no part of a pair, and merging would lose it"))];
        if (free < bytes)
            problems.Add(new AdapterMisfit("", null, FormattableString.Invariant($"the merged model needs {bytes:N0} bytes and {free:N0} are free")));
        return new AdapterCheck
        {
            Path = adapterSource.Path,
            Base = baseModel.Path,
            Name = adapter.Source.Name,
            Layout = adapter.Layout,
            Modules = adapter.Modules.Count,
            FittingModules = fit.Targets.Count,
            LeastRank = adapter.Modules.Min(m => m.Rank),
            MostRank = adapter.Modules.Max(m => m.Rank),
            Parameters = adapter.Parameters,
            MergedBytes = bytes,
            FreeBytes = free,
            Problems = problems.ToArray(),
        };
    }

    private static long? Free(string path)
    {
        try
        {
            string? folder = path;
            while (folder is not null && !Directory.Exists(folder))
                folder = Path.GetDirectoryName(folder);
            return folder is null ? null : new DriveInfo(folder).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null; // some file systems do not tell
        }
    }
}
