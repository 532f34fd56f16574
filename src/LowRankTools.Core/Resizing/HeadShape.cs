using System.Globalization;
using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Architectures;
using LowRankTools.Core.Models;
using LowRankTools.Formats;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Resizing;

/// <summary>How a model's attention is divided into heads, and how its rotary positions turn their features.</summary>
/// <param name="Heads">Heads of queries.</param>
/// <param name="KeyHeads">Heads of keys and values, each for Heads / KeyHeads of the queries'.</param>
/// <param name="Size">Features of a head of queries and keys; pairs of them turn together.</param>
/// <param name="ValueSize">Features of a head of values.</param>
/// <param name="Rotary">Turns of the pairs.</param>
/// <param name="Neighbours">Whether a pair is two neighbours, as llama.cpp stores them, or feature i and feature i + Size / 2.</param>
internal sealed record HeadShape(int Heads, int KeyHeads, int Size, int ValueSize, RotaryConfig Rotary, bool Neighbours)
{
    /// <summary>Tensor of GGUF that divides the turn of each pair.</summary>
    public const string DivisorTensor = "rope_freqs.weight";

    /// <summary>Architectures of <c>config.json</c> with a number for the size of a head that queries, keys and values share.</summary>
    private static readonly string[] s_configs = ["llama", "mistral", "qwen2"];

    /// <summary>Reads it from <c>config.json</c>, or from the key-values of GGUF.</summary>
    /// <param name="model">The opened model.</param>
    /// <param name="parts">Its attention.</param>
    /// <param name="configPath">Full path of the configuration; null where there is none.</param>
    /// <exception cref="LowRankToolsException"><c>HeadSizeUnsupported</c>: nothing can say another size, or rotary positions are of a kind that cannot turn chosen pairs alone;
    /// <c>ConfigInvalid</c>; <c>WeightsDoNotFit</c>: the weights have other sizes.</exception>
    public static HeadShape Of(Model model, IReadOnlyList<AttentionPart> parts, string? configPath)
    {
        HeadShape shape = model.File.Format == ModelFormat.Gguf ? OfGguf(model)
            : configPath is null ? throw AttentionParts.NotFound(model, "there is no config.json beside it, which says how many heads there are") : OfConfig(model, ConfigFile.Read(configPath));
        if (shape.Heads < 1 || shape.KeyHeads < 1 || shape.Size < 2 || shape.Size % 2 != 0 || shape.ValueSize < 1 || shape.Heads % shape.KeyHeads != 0)
            throw new LowRankToolsException(CoreErrors.ConfigInvalid, $"{model.Source.Path}: {shape.Heads} heads of {shape.Size} features, {shape.KeyHeads} of keys, cannot be.", "Correct the configuration.");
        if (parts.FirstOrDefault(p => p.Value.Shape.OutFeatures != (long)shape.KeyHeads * shape.ValueSize || p.Output.Shape.InFeatures != (long)shape.Heads * shape.ValueSize) is { } wrong)
            throw new LowRankToolsException(CoreErrors.WeightsDoNotFit, $"{model.Source.Path}: '{wrong.Value.Shape.Name}' has {wrong.Value.Shape.OutFeatures} outputs and '{wrong.Output.Shape.Name}' {wrong.Output.Shape.InFeatures} inputs, and the configuration says {shape.Heads} and {shape.KeyHeads} heads of {shape.ValueSize}.");
        if (parts.FirstOrDefault(p => p.Query.Shape.OutFeatures != (long)shape.Heads * shape.Size || p.Key.Shape.OutFeatures != (long)shape.KeyHeads * shape.Size) is { } other)
            throw new LowRankToolsException(CoreErrors.WeightsDoNotFit, $"{model.Source.Path}: '{other.Query.Shape.Name}' has {other.Query.Shape.OutFeatures} outputs and '{other.Key.Shape.Name}' {other.Key.Shape.OutFeatures}, and the configuration says {shape.Heads} and {shape.KeyHeads} heads of {shape.Size}.");
        shape.Rotary.Check(shape.Size);
        return shape;
    }

    /// <summary>Row of a head's feature that is the first (0) or second (1) of a pair.</summary>
    public int Row(int pair, int second, int size) => Neighbours ? 2 * pair + second : pair + second * (size / 2);

    private static HeadShape OfConfig(Model model, ConfigFile file)
    {
        string type = file.Text("model_type", "");
        if (!s_configs.Contains(type))
            throw AttentionParts.NotFound(model, $"configurations of the architecture '{type}' have no number for the size of a head that is known here");
        if (file.Number("partial_rotary_factor", 1) != 1)
            throw AttentionParts.NotFound(model, "rotary positions turn a part of each head alone");
        int heads = file.Int("num_attention_heads"), size = file.Int("head_dim", heads > 0 ? file.Int("hidden_size") / heads : 0);
        return new HeadShape(heads, file.Int("num_key_value_heads", heads), size, file.Int(LlamaConfig.ValueField, size), RotaryReader.Read(file), Neighbours: false);
    }

    private static HeadShape OfGguf(Model model)
    {
        IReadOnlyDictionary<string, string> values = model.File.Metadata;
        string architecture = values.GetValueOrDefault(GgufAdapterKeys.Architecture, "");
        if (architecture != "llama")
            throw AttentionParts.NotFound(model, $"of GGUF's architectures only 'llama' reads how fast each pair turns, and this is '{architecture}'");
        if (values.GetValueOrDefault("llama.rope.scaling.type", "none") is not ("none" or "linear") and string scaling)
            throw AttentionParts.NotFound(model, $"its rotary scaling '{scaling}' goes by the number of pairs");
        int Number(string key, int? otherwise) => !values.TryGetValue("llama." + key, out string? text) && otherwise is { } value ? value
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number
            : throw new LowRankToolsException(CoreErrors.ConfigInvalid, $"{model.Source.Path}: 'llama.{key}' is no whole number.", "Convert the model again.");
        int heads = Number("attention.head_count", null), size = Number("attention.key_length", Number("embedding_length", null) / Math.Max(1, heads));
        if (Number("attention.value_length", size) != size || Number("rope.dimension_count", size) != size)
            throw AttentionParts.NotFound(model, $"keys have {size} features a head, and values or rotary positions another number");
        double turns = double.TryParse(values.GetValueOrDefault("llama.rope.freq_base", "10000"), NumberStyles.Float, CultureInfo.InvariantCulture, out double number) ? number : 0;
        return new HeadShape(heads, Number("attention.head_count_kv", heads), size, size, new RotaryConfig { Base = turns, Divisors = Divisors(model, size) }, Neighbours: true);
    }

    private static double[]? Divisors(Model model, int size)
    {
        if (model.File.Tensors.FirstOrDefault(t => t.Name == DivisorTensor) is not { } tensor)
            return null;
        if (tensor.Shape is not [long pairs] || pairs != size / 2)
            throw new LowRankToolsException(CoreErrors.WeightsDoNotFit, $"{model.Source.Path}: '{DivisorTensor}' is [{string.Join(", ", tensor.Shape)}], and a head of {size} features has {size / 2} pairs.");
        float[] divisors = new float[size / 2];
        model.File.ReadSingles(tensor, 0, divisors);
        return Array.ConvertAll(divisors, d => (double)d);
    }
}
