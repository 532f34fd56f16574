using System.Globalization;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Gguf;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Adapters.Keys;

/// <summary>What a GGUF file says of the adapter in it, as llama.cpp reads it.</summary>
internal static class GgufAdapterKeys
{
    /// <summary>Key of the architecture that a model or an adapter is of.</summary>
    public const string Architecture = "general.architecture";

    private const string Type = "general.type", Kind = "adapter.type", Alpha = "adapter.lora.alpha", Tokens = "adapter.alora.invocation_tokens";

    /// <summary>The key-values of an adapter.</summary>
    /// <param name="architecture">Architecture of its base model.</param>
    /// <param name="alpha">Numerator of every module's scale.</param>
    public static IReadOnlyList<GgufValue> Values(string architecture, float alpha) =>
        [GgufValue.Text(Type, "adapter"), GgufValue.Text(Architecture, architecture), GgufValue.Text(Kind, "lora"), GgufValue.Number(Alpha, alpha)];

    /// <summary>Refuses what is no plain LoRA adapter.</summary>
    /// <exception cref="LowRankToolsException"><c>AdapterUnsupported</c>.</exception>
    public static void Check(TensorFile file)
    {
        string type = file.Metadata.GetValueOrDefault(Type, ""), kind = file.Metadata.GetValueOrDefault(Kind, "");
        if (type != "adapter" || kind != "lora" || !file.Metadata.ContainsKey(Architecture))
            throw new LowRankToolsException(CoreErrors.AdapterUnsupported, $"{file.Path}: the file says that it is of type '{type}' and kind '{kind}', and a LoRA adapter in GGUF is an 'adapter' of kind 'lora' for an architecture.", "Convert the adapter again with a current program.");
        if (file.Metadata.ContainsKey(Tokens))
            throw new LowRankToolsException(CoreErrors.AdapterUnsupported, $"{file.Path}: the adapter acts after certain tokens only.", "Use it with llama.cpp itself.");
    }

    /// <summary>The scale of a module: alpha / r, or 1 where alpha is zero or absent.</summary>
    /// <exception cref="LowRankToolsException"><c>AdapterInvalid</c>.</exception>
    public static double Scaling(TensorFile file, int rank)
    {
        if (!file.Metadata.TryGetValue(Alpha, out string? text))
            return 1;
        if (!float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out float alpha) || !float.IsFinite(alpha))
            throw new LowRankToolsException(CoreErrors.AdapterInvalid, $"{file.Path}: {Alpha} is '{text}', which is no number.", "Take the adapter from its source again.");
        return alpha == 0 ? 1 : (double)alpha / rank;
    }
}
