using System.Buffers;
using System.Text.Json;
using System.Text.Json.Nodes;
using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Formats;
using LowRankTools.Formats.Gguf;
using LowRankTools.Formats.IO;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Resizing;

/// <summary>Where a model says how many hidden units its feed-forward parts have: one number, in <c>config.json</c> or in a key-value of GGUF.</summary>
internal static class HiddenSizeConfig
{
    private const string Gpt2Field = "n_inner";

    /// <summary>Full path of the model's <c>config.json</c>; null where there is none, or where the format says everything itself.</summary>
    public static string? PathOf(ModelSource source, ModelFormat format) =>
        format == ModelFormat.Gguf ? null : SiblingPath.Companion(Path.GetDirectoryName(source.Path)!, ConfigFile.FileName);

    /// <summary>The configuration with another number, everything else as it was.</summary>
    /// <param name="path">Full path of the file.</param>
    /// <param name="before">The number now.</param>
    /// <param name="after">The number to write.</param>
    /// <exception cref="LowRankToolsException"><c>ConfigInvalid</c>: it is no JSON, or says another number than the weights have.</exception>
    public static byte[] With(string path, int before, int after)
    {
        ConfigFile file = ConfigFile.Read(path);
        // GPT-2 leaves the field out where the number is four times the width.
        string field = file.Text("model_type", "") == "gpt2" ? Gpt2Field : "intermediate_size";
        int said = field == Gpt2Field ? file.Int(field, before) : file.Int(field);
        if (said != before)
            throw file.Invalid($"the field '{field}' is {said}, and the feed-forward parts have {before} hidden units.");
        ArrayBufferWriter<byte> bytes = new();
        try
        {
            JsonNode fields = JsonNode.Parse(CompanionFiles.Read(path))!;
            fields[field] = after;
            using Utf8JsonWriter json = new(bytes, new JsonWriterOptions { Indented = true });
            fields.WriteTo(json);
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            throw file.Invalid($"it cannot be written again: {e.Message}", e);
        }
        return [.. bytes.WrittenSpan, (byte)'\n'];
    }

    /// <summary>The key-values to replace in a GGUF file; none for other formats.</summary>
    /// <exception cref="LowRankToolsException"><c>ConfigInvalid</c>: the file does not say its architecture.</exception>
    public static IReadOnlyList<GgufValue> Values(Model model, ModelFormat format, int after)
    {
        if (format != ModelFormat.Gguf)
            return [];
        string architecture = model.File.Metadata.GetValueOrDefault(GgufAdapterKeys.Architecture)
            ?? throw new LowRankToolsException(CoreErrors.ConfigInvalid, $"{model.Source.Path}: '{GgufAdapterKeys.Architecture}' is missing.", "Convert the model again.");
        return [GgufValue.Number($"{architecture}.feed_forward_length", (uint)after)];
    }
}
