using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Formats.TensorFlowJs;

/// <summary>A model.json written again: factors in place of weights, everything else as it was read, byte for byte in each value.</summary>
internal static class TensorFlowJsText
{
    /// <summary>Property for free text of whoever makes a model.</summary>
    public const string UserMetadata = "userDefinedMetadata";

    private const string Topology = "modelTopology";

    /// <summary>The text.</summary>
    /// <param name="source">The model.json that is changed.</param>
    /// <param name="factors">What takes the place of which weight.</param>
    /// <param name="metadata">Free text, in place of that of the same keys.</param>
    /// <param name="groups">Entries and shards of each group, in order.</param>
    public static byte[] Write(JsonElement source, IReadOnlyDictionary<string, TensorFlowJsFactors> factors, IReadOnlyDictionary<string, string> metadata, IReadOnlyList<(IReadOnlyList<string> Entries, IReadOnlyList<string> Paths)> groups)
    {
        using MemoryStream text = new();
        using (Utf8JsonWriter json = new(text, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            foreach (JsonProperty property in source.EnumerateObject().Where(p => p.Name is not (TensorFlowJsManifest.Key or UserMetadata)))
            {
                json.WritePropertyName(property.Name);
                if (property.Name == Topology)
                    WriteTopology(json, property.Value, factors);
                else
                    json.WriteRawValue(property.Value.GetRawText(), skipInputValidation: true);
            }
            WriteMetadata(json, source, metadata);
            json.WriteStartArray(TensorFlowJsManifest.Key);
            foreach ((IReadOnlyList<string> entries, IReadOnlyList<string> paths) in groups)
            {
                json.WriteStartObject();
                json.WriteStartArray("paths");
                foreach (string path in paths)
                    json.WriteStringValue(path);
                json.WriteEndArray();
                json.WriteStartArray("weights");
                foreach (string entry in entries)
                    json.WriteRawValue(entry, skipInputValidation: true);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return text.ToArray();
    }

    /// <summary>The manifest's entry of a factor. Float16 is float32 that is stored so.</summary>
    public static string Entry(TensorSpec factor)
    {
        using MemoryStream text = new();
        using (Utf8JsonWriter json = new(text, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteString("name", factor.Name);
            json.WriteStartArray("shape");
            foreach (long size in factor.Shape)
                json.WriteNumberValue(size);
            json.WriteEndArray();
            json.WriteString("dtype", "float32");
            if (factor.DType == TensorDType.F16)
            {
                json.WriteStartObject("quantization");
                json.WriteString("dtype", "float16");
                json.WriteString("original_dtype", "float32");
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        return System.Text.Encoding.UTF8.GetString(text.GetBuffer(), 0, (int)text.Length);
    }

    private static void WriteMetadata(Utf8JsonWriter json, JsonElement source, IReadOnlyDictionary<string, string> metadata)
    {
        json.WriteStartObject(UserMetadata);
        if (source.TryGetProperty(UserMetadata, out JsonElement own) && own.ValueKind == JsonValueKind.Object)
        {
            foreach (JsonProperty property in own.EnumerateObject().Where(p => !metadata.ContainsKey(p.Name)))
            {
                json.WritePropertyName(property.Name);
                json.WriteRawValue(property.Value.GetRawText(), skipInputValidation: true);
            }
        }
        foreach ((string key, string value) in metadata)
            json.WriteString(key, value);
        json.WriteEndObject();
    }

    private static void WriteTopology(Utf8JsonWriter json, JsonElement topology, IReadOnlyDictionary<string, TensorFlowJsFactors> factors)
    {
        json.WriteStartObject();
        foreach (JsonProperty property in topology.EnumerateObject())
        {
            json.WritePropertyName(property.Name);
            if (property.Name != "node" || property.Value.ValueKind != JsonValueKind.Array)
            {
                json.WriteRawValue(property.Value.GetRawText(), skipInputValidation: true);
                continue;
            }
            HashSet<string> names = [.. property.Value.EnumerateArray().Select(n => TensorFlowGraph.Text(n, "name")).OfType<string>(), .. factors.Values.SelectMany(f => f.Factors).Select(f => f.Name)];
            json.WriteStartArray();
            foreach (JsonElement node in property.Value.EnumerateArray())
                WriteNode(json, node, factors, names);
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }

    private static void WriteNode(Utf8JsonWriter json, JsonElement node, IReadOnlyDictionary<string, TensorFlowJsFactors> factors, HashSet<string> names)
    {
        string name = TensorFlowGraph.Text(node, "name") ?? "";
        if (TensorFlowGraph.Text(node, "op") == "Const" && factors.TryGetValue(name, out TensorFlowJsFactors? constant))
        {
            foreach (TensorSpec factor in constant.Factors)
                TensorFlowNodes.WriteConstant(json, node, factor);
            return;
        }
        if (TensorFlowNodes.Inputs(node) is [_, string second, ..] && factors.TryGetValue(TensorFlowNodes.Producer(second), out TensorFlowJsFactors? made))
        {
            TensorFlowNodes.WriteChain(json, node, made, [.. Enumerable.Range(0, made.Factors.Count - 1).Select(i => Free(string.Create(CultureInfo.InvariantCulture, $"{name}/{i}"), names))]);
            return;
        }
        json.WriteRawValue(node.GetRawText(), skipInputValidation: true);
    }

    private static string Free(string name, HashSet<string> names)
    {
        while (!names.Add(name))
            name += "_";
        return name;
    }
}
