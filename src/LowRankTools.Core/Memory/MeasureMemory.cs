using LowRankTools.Core.Counting;
using LowRankTools.Core.Models;
using LowRankTools.Formats;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Remote;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Memory;

/// <summary>Estimates the memory of models at work from headers and <c>config.json</c>, on this machine or on servers.</summary>
public static class MeasureMemory
{
    private const string NotCounted = "Activations are not counted.";

    private const string Blocks = "In blocks, matrices of whole rows are quantised; norms and biases are F32.";

    /// <summary>Estimates one model at every length of context.</summary>
    /// <param name="source">The model.</param>
    /// <param name="options">Lengths and types.</param>
    /// <param name="remote">How servers are asked; null for the defaults.</param>
    /// <returns>One estimate a length, in the order asked for.</returns>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, <c>ConfigNotFound</c>, <c>ConfigInvalid</c>, <c>ArchitectureUnsupported</c>,
    /// and those of <see cref="FormatErrors"/>.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static IReadOnlyList<ModelMemory> Run(ModelSource source, MemoryOptions options, RemoteOptions? remote = null)
    {
        options.Validate();
        using Model model = Model.OpenHeaders(source, remote);
        (AttentionCache cache, long configBytes) = Cache(model, remote);
        ParameterTotals weights = WeightMemory.ByType(model);
        string held = options.WeightDType?.ToString() ?? WeightMemory.AsStored;
        int[] lengths = options.ContextLengths.Count > 0 ? [.. options.ContextLengths]
            : [cache.LongestContext ?? throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{source.Path}: the configuration does not say how long a context is.", "Give -ContextLength.")];
        return [.. lengths.Select(length => new ModelMemory
        {
            Path = source.Path,
            Name = source.Name,
            ModelType = cache.ModelType,
            Parameters = model.Layers.Where(l => l.Shape.TiedTo is null).Sum(l => l.Shape.Parameters),
            WeightDType = held,
            WeightBytes = weights[held],
            WeightBytesByType = weights,
            CacheLayers = cache.FullLayers + cache.WindowLayers,
            KeyValueHeads = cache.KeyValueHeads,
            CacheDType = options.CacheDType.ToString(),
            CacheBytesPerToken = Bytes(cache.ElementsPerToken, options.CacheDType),
            ContextLength = length,
            BatchSize = options.BatchSize,
            CacheBytes = checked(Bytes(cache.Elements(length), options.CacheDType) * options.BatchSize),
            Assumptions = Assumptions(cache, options, length),
            TransferredBytes = model.File.Transfer is { } transfer ? transfer.Bytes + configBytes : null,
        })];
    }

    private static long Bytes(long elements, TensorDType dtype) =>
        (long)((Int128)elements * dtype.BlockBytes() / dtype.BlockElements());

    private static string[] Assumptions(AttentionCache cache, MemoryOptions options, int length)
    {
        List<string> all = [.. cache.Assumptions, NotCounted];
        if (options.WeightDType?.IsQuantized() == true)
            all.Add(Blocks);
        if (cache.LongestContext < length)
            all.Add($"The model was made for {cache.LongestContext} tokens at most.");
        return [.. all];
    }

    private static (AttentionCache Cache, long Bytes) Cache(Model model, RemoteOptions? remote)
    {
        if (model.File.Format == ModelFormat.Gguf)
            return (GgufAttention.Read(model.File), 0);
        if (model.Source.IsRemote)
        {
            string path = RemoteCompanion.Address(model.Source.Path, ConfigFile.FileName);
            (byte[]? json, long bytes) = RemoteCompanion.Read(path, ConfigFile.MaxBytes, remote ?? new RemoteOptions());
            return json is null ? throw Missing(path) : (ConfigAttention.Read(ConfigFile.Parse(path, json)), bytes);
        }
        string folder = Path.GetDirectoryName(model.Source.Path)!;
        return SiblingPath.Companion(folder, ConfigFile.FileName) is { } file
            ? (ConfigAttention.Read(ConfigFile.Read(file)), 0) : throw Missing(Path.Combine(folder, ConfigFile.FileName));
    }

    private static LowRankToolsException Missing(string path) =>
        new(CoreErrors.ConfigNotFound, $"{path}: the file is missing, and headers alone do not say what attention keeps.", "Put the model's config.json beside its weights.");
}
