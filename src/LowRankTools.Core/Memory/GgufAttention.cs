using System.Globalization;
using LowRankTools.Formats.Files;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Memory;

/// <summary>Reads what attention keeps out of the key-values of a GGUF file, which needs no configuration beside it.</summary>
internal static class GgufAttention
{
    private const int Most = 1 << 24;

    /// <summary>Reads the key-values.</summary>
    /// <exception cref="LowRankToolsException"><c>ConfigInvalid</c>, <c>ArchitectureUnsupported</c>.</exception>
    public static AttentionCache Read(TensorFile file)
    {
        if (!file.Metadata.TryGetValue("general.architecture", out string? type))
            throw Invalid(file, "general.architecture", "is missing");
        int? Find(string key) => Number(file, $"{type}.{key}");
        int Need(string key) => Find(key) ?? throw Invalid(file, $"{type}.{key}", "is missing");
        if (Find("ssm.state_size") is not null || Find("wkv.head_size") is not null)
            throw new LowRankToolsException(CoreErrors.ArchitectureUnsupported, $"{file.Path}: what a '{type}' model keeps of its tokens is not estimated.", "Decoders with attention are; Measure-ParameterCount has the weights of all.");
        int layers = Need("block_count"), heads = Need("attention.head_count");
        List<string> assumptions = [];
        AttentionCache cache = new()
        {
            ModelType = type, FullLayers = layers, KeyValueHeads = Find("attention.head_count_kv") ?? heads, LongestContext = Find("context_length"),
            HeadElements = checked((Find("attention.key_length") ?? Head()) + (Find("attention.value_length") ?? Head())),
        };
        if (Find("attention.kv_lora_rank") is { } latent)
        {
            assumptions.Add("The cache holds one latent vector and one rotated key a token (multi-head latent attention); a runtime that unpacks them needs more.");
            cache = cache with { KeyValueHeads = 1, HeadElements = checked(latent + Need("rope.dimension_count")) };
        }
        if (Find("attention.sliding_window") is { } window)
            assumptions.Add($"Every layer keeps every token, though some look back {window} tokens only: the file does not say which.");
        return cache with { Assumptions = assumptions };

        int Head() => Need("embedding_length") / heads;
    }

    private static int? Number(TensorFile file, string key)
    {
        if (!file.Metadata.TryGetValue(key, out string? text))
            return null;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value is >= 1 and <= Most
            ? value : throw Invalid(file, key, $"is {text} and not a number from 1 to {Most}");
    }

    private static LowRankToolsException Invalid(TensorFile file, string key, string what) =>
        new(CoreErrors.ConfigInvalid, $"{file.Path}: the key {key} {what}.", "Models whose layers differ from one another are not estimated; convert others again.");
}
