using System.Buffers;
using System.Text.Json;
using System.Text.Json.Nodes;
using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Architectures;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Formats;
using LowRankTools.Formats.Gguf;
using LowRankTools.Formats.IO;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Resizing;

/// <summary>
/// A <c>config.json</c> that says other sizes, everything else as it was: one number of hidden units, one size of a head, and where some pairs of features are left of a head, how
/// fast these turn.
/// </summary>
internal sealed class ResizedConfig
{
    private const string Gpt2Field = "n_inner", Parameters = "rope_parameters";

    private static readonly string[] s_headKeys = ["attention.key_length", "attention.value_length", "rope.dimension_count"];

    private readonly ConfigFile _file;

    private ResizedConfig(string path) => _file = ConfigFile.Read(path);

    /// <summary>Full path of the model's <c>config.json</c>; null where there is none, or where the format says everything itself.</summary>
    public static string? PathOf(ModelSource source, ModelFormat format) =>
        format == ModelFormat.Gguf ? null : SiblingPath.Companion(Path.GetDirectoryName(source.Path)!, ConfigFile.FileName);

    /// <summary>Reads a configuration and holds it against the weights.</summary>
    /// <param name="path">Full path of the file.</param>
    /// <param name="hidden">Hidden units of the feed-forward parts, where they are to change.</param>
    /// <exception cref="LowRankToolsException"><c>ConfigInvalid</c>: it is no JSON, or says another number than the weights have.</exception>
    public static ResizedConfig Read(string path, int? hidden)
    {
        ResizedConfig config = new(path);
        int said = hidden is not { } before ? 0 : config.HiddenField == Gpt2Field ? config._file.Int(Gpt2Field, before) : config._file.Int(config.HiddenField);
        return said == (hidden ?? 0) ? config : throw config._file.Invalid($"the field '{config.HiddenField}' is {said}, and the feed-forward parts have {hidden} hidden units.");
    }

    // GPT-2 leaves the field out where the number is four times the width.
    private string HiddenField => _file.Text("model_type", "") == "gpt2" ? Gpt2Field : "intermediate_size";

    /// <summary>The configuration with other numbers.</summary>
    /// <param name="hidden">Hidden units; null for those that it says.</param>
    /// <param name="heads">Features of a head, of a head of values, and the divisors of the turns that stay, null for all of them; null for what it says.</param>
    /// <exception cref="LowRankToolsException"><c>ConfigInvalid</c>: it cannot be written again.</exception>
    public byte[] With(int? hidden, (int Size, int ValueSize, double[]? Divisors)? heads)
    {
        ArrayBufferWriter<byte> bytes = new();
        try
        {
            JsonNode fields = JsonNode.Parse(CompanionFiles.Read(_file.Path))!;
            if (hidden is { } units)
                fields[HiddenField] = units;
            if (heads is var (size, values, divisors))
                Narrow(fields, size, values, divisors);
            using Utf8JsonWriter json = new(bytes, new JsonWriterOptions { Indented = true });
            fields.WriteTo(json);
        }
        catch (Exception e) when (e is JsonException or ArgumentException or InvalidOperationException)
        {
            throw _file.Invalid($"it cannot be written again: {e.Message}", e);
        }
        return [.. bytes.WrittenSpan, (byte)'\n'];
    }

    // Newer configurations have the base of the turns in the same object as their scaling.
    private void Narrow(JsonNode fields, int size, int values, double[]? divisors)
    {
        if (values != size || _file.Has(LlamaConfig.ValueField))
            fields[LlamaConfig.ValueField] = values;
        if (divisors is null)
            return;
        JsonObject rotary = ConfigWriter.Divided(divisors, _file.Int("max_position_embeddings", 2048));
        if (_file.Inner(Parameters) is { } parameters)
            rotary["rope_theta"] = parameters.Number("rope_theta", new RotaryConfig().Base);
        fields["head_dim"] = size;
        fields[_file.Has(Parameters) ? Parameters : "rope_scaling"] = rotary;
    }

    /// <summary>The key-values to replace in a GGUF file; none for other formats.</summary>
    /// <param name="model">The opened model.</param>
    /// <param name="format">Format to write.</param>
    /// <param name="hidden">Hidden units; null for those that it says.</param>
    /// <param name="headSize">Features of a head; null for those that it says.</param>
    /// <exception cref="LowRankToolsException"><c>ConfigInvalid</c>: the file does not say its architecture.</exception>
    public static IReadOnlyList<GgufValue> Values(Model model, ModelFormat format, int? hidden, int? headSize)
    {
        if (format != ModelFormat.Gguf)
            return [];
        string architecture = model.File.Metadata.GetValueOrDefault(GgufAdapterKeys.Architecture)
            ?? throw new LowRankToolsException(CoreErrors.ConfigInvalid, $"{model.Source.Path}: '{GgufAdapterKeys.Architecture}' is missing.", "Convert the model again.");
        List<GgufValue> values = [];
        if (hidden is { } units)
            values.Add(GgufValue.Number($"{architecture}.feed_forward_length", (uint)units));
        if (headSize is { } size)
            values.AddRange(s_headKeys.Select(key => GgufValue.Number($"{architecture}.{key}", (uint)size)));
        return values;
    }
}
