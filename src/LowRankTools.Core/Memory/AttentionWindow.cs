using LowRankTools.Core.Models;

namespace LowRankTools.Core.Memory;

/// <summary>Which layers keep the last tokens only: configurations say it in a list, as a period, from a layer on, or for all.</summary>
internal static class AttentionWindow
{
    private const string Sliding = "sliding_attention", Full = "full_attention", Chunked = "chunked_attention";

    /// <summary>Splits the layers of a cache by what they keep.</summary>
    /// <param name="file">The configuration.</param>
    /// <param name="cache">With all layers full.</param>
    /// <param name="layers">All layers.</param>
    /// <param name="assumptions">Is added to.</param>
    /// <exception cref="LowRankTools.Numerics.LowRankToolsException"><c>ConfigInvalid</c>.</exception>
    public static AttentionCache Apply(ConfigFile file, AttentionCache cache, int layers, List<string> assumptions)
    {
        IReadOnlyList<string> types = file.Texts("layer_types");
        int others = types.Count(t => t is not (Sliding or Full or Chunked));
        if (others > 0)
            assumptions.Add($"{others} of {layers} layers keep a state of one size and no tokens; it is not in the cache.");
        int full = types.Count > 0 ? types.Count(t => t is Full) : layers;
        if (!file.Has("sliding_window") || !file.Flag("use_sliding_window", true))
            return cache with { FullLayers = types.Count > 0 ? layers - others : layers };
        int window = file.Int("sliding_window");
        if (window < 1)
            throw file.Invalid($"the field 'sliding_window' is {window}.");
        if (types.Count == 0)
            full = FullLayers(file, cache.ModelType, layers);
        int windowed = layers - others - full;
        if (windowed > 0)
            assumptions.Add($"{windowed} of {layers} layers keep the last {window} tokens only; a runtime that does not use the window needs more.");
        return cache with { FullLayers = full, WindowLayers = windowed, Window = window };
    }

    private static int FullLayers(ConfigFile file, string type, int layers)
    {
        int period = file.Int("sliding_window_pattern", type == "gemma2" ? 2 : 0);
        if (period > 0)
            return layers / period;
        // Qwen 2: the first layers see everything, where its window is used at all.
        return file.Has("max_window_layers") ? Math.Clamp(file.Int("max_window_layers"), 0, layers) : 0;
    }
}
