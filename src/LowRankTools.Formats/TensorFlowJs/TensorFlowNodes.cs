using System.Text.Json;

namespace LowRankTools.Formats;

/// <summary>Nodes of a <c>GraphDef</c> in JSON: what they read, and the nodes that stand for one that used a weight.</summary>
internal static class TensorFlowNodes
{
    private static readonly HashSet<string> s_transposes = new(["transpose_b", "adj_y"], StringComparer.Ordinal);
    private static readonly HashSet<string> s_leftTransposes = new(["transpose_a", "adj_x"], StringComparer.Ordinal);
    private static readonly HashSet<string> s_fused = new(["fused_ops", "num_args", "epsilon", "leakyrelu_alpha"], StringComparer.Ordinal);

    /// <summary>Inputs as they are written: <c>name</c>, <c>name:1</c>, <c>^name</c>.</summary>
    public static List<string> Inputs(JsonElement node) => [.. TensorFlowGraph.Items(node, "input").Where(i => i.ValueKind == JsonValueKind.String).Select(i => i.GetString()!)];

    /// <summary>Name of the node that an input comes from.</summary>
    public static string Producer(string input) => input.TrimStart('^').Split(':', 2)[0];

    /// <summary>Whether a convolution goes by steps of one and pads as the graph's own rules say.</summary>
    public static bool HasUnitSteps(JsonElement node) => TensorFlowGraph.Property(node, "attr", out JsonElement attributes)
        && TensorFlowGraph.Property(attributes, "strides", out JsonElement strides) && TensorFlowGraph.Property(strides, "list", out JsonElement list)
        && TensorFlowGraph.Items(list, "i").All(step => step.ValueKind == JsonValueKind.String ? step.GetString() == "1" : step.ValueKind == JsonValueKind.Number && step.TryGetInt64(out long size) && size == 1)
        && !(TensorFlowGraph.Property(attributes, "explicit_paddings", out JsonElement paddings) && TensorFlowGraph.Property(paddings, "list", out JsonElement explicitly) && TensorFlowGraph.Items(explicitly, "i").Any());

    /// <summary>Writes the Const node of a factor: that of the weight with another name and shape.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="node">Node of the weight.</param>
    /// <param name="factor">The factor.</param>
    public static void WriteConstant(Utf8JsonWriter json, JsonElement node, TensorSpec factor)
    {
        json.WriteStartObject();
        json.WriteString("name", factor.Name);
        json.WriteString("op", "Const");
        json.WriteStartObject("attr");
        json.WritePropertyName("dtype");
        // Enumerations are numbers in some files and names in others.
        if (TensorFlowGraph.Property(node, "attr", out JsonElement attributes) && TensorFlowGraph.Property(attributes, "dtype", out JsonElement dtype))
            json.WriteRawValue(dtype.GetRawText(), skipInputValidation: true);
        else
            WriteFloat(json);
        json.WriteStartObject("value");
        json.WriteStartObject("tensor");
        json.WritePropertyName("dtype");
        if (TensorFlowGraph.Property(node, "attr", out attributes) && TensorFlowGraph.Property(attributes, "dtype", out dtype) && TensorFlowGraph.Property(dtype, "type", out JsonElement type))
            json.WriteRawValue(type.GetRawText(), skipInputValidation: true);
        else
            json.WriteStringValue("DT_FLOAT");
        json.WriteStartObject("tensorShape");
        json.WriteStartArray("dim");
        foreach (long size in factor.Shape)
        {
            json.WriteStartObject();
            json.WriteString("size", FormattableString.Invariant($"{size}"));
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>Writes the two nodes in place of one: the second keeps the name, and what is fused to the product.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="node">The node.</param>
    /// <param name="pair">What its weight becomes.</param>
    /// <param name="between">Name of the first node.</param>
    public static void WritePair(Utf8JsonWriter json, JsonElement node, TensorFlowJsPair pair, string between)
    {
        List<string> inputs = Inputs(node);
        string op = TensorFlowGraph.Text(node, "op")!, plain = op.StartsWith("_Fused", StringComparison.Ordinal) ? op["_Fused".Length..] : op;
        Write(json, node, between, plain, [inputs[0], pair.First.Name], name => s_fused.Contains(name) ? null : s_transposes.Contains(name) ? false : true);
        Write(json, node, TensorFlowGraph.Text(node, "name")!, op, [between, pair.Second.Name, .. inputs.Skip(2)], name => s_transposes.Contains(name) || s_leftTransposes.Contains(name) ? false : true);
    }

    /// <param name="json">Where to.</param>
    /// <param name="node">The node whose properties and attributes go along.</param>
    /// <param name="name">Its new name.</param>
    /// <param name="op">Its new operator.</param>
    /// <param name="inputs">Its new inputs.</param>
    /// <param name="keeps">Of an attribute: true, it stays; false, it becomes a flag that is off; null, it goes.</param>
    private static void Write(Utf8JsonWriter json, JsonElement node, string name, string op, IEnumerable<string> inputs, Func<string, bool?> keeps)
    {
        json.WriteStartObject();
        foreach (JsonProperty property in node.EnumerateObject())
        {
            switch (property.Name)
            {
                case "name":
                    json.WriteString("name", name);
                    break;
                case "op":
                    json.WriteString("op", op);
                    break;
                case "input":
                    json.WriteStartArray("input");
                    foreach (string input in inputs)
                        json.WriteStringValue(input);
                    json.WriteEndArray();
                    break;
                case "attr" when property.Value.ValueKind == JsonValueKind.Object:
                    WriteAttributes(json, property.Value, keeps);
                    break;
                default:
                    json.WritePropertyName(property.Name);
                    json.WriteRawValue(property.Value.GetRawText(), skipInputValidation: true);
                    break;
            }
        }
        json.WriteEndObject();
    }

    private static void WriteAttributes(Utf8JsonWriter json, JsonElement attributes, Func<string, bool?> keeps)
    {
        json.WriteStartObject("attr");
        foreach (JsonProperty attribute in attributes.EnumerateObject())
        {
            if (keeps(attribute.Name) is not { } kept)
                continue;
            json.WritePropertyName(attribute.Name);
            if (kept)
            {
                json.WriteRawValue(attribute.Value.GetRawText(), skipInputValidation: true);
                continue;
            }
            json.WriteStartObject();
            json.WriteBoolean("b", false);
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    private static void WriteFloat(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", "DT_FLOAT");
        json.WriteEndObject();
    }
}
