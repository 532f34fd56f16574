using System.Text.Json;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Formats.TensorFlowJs;

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

    /// <summary>Writes the nodes in place of one: the last keeps the name, and what is fused to the product.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="node">The node.</param>
    /// <param name="factors">What its weight becomes.</param>
    /// <param name="between">Names of the nodes before the last.</param>
    public static void WriteChain(Utf8JsonWriter json, JsonElement node, TensorFlowJsFactors factors, IReadOnlyList<string> between)
    {
        List<string> inputs = Inputs(node);
        string op = TensorFlowGraph.Text(node, "op")!, plain = op.StartsWith("_Fused", StringComparison.Ordinal) ? op["_Fused".Length..] : op;
        // The first of two convolutions of size one goes by the steps of the one that they stand for.
        IReadOnlyList<TensorFlowJsConvolution>? stages = plain == "Conv2D" ? factors.Chain ?? [new(true, true), new(false, false)] : null;
        for (int i = 0; i < factors.Factors.Count; i++)
        {
            bool first = i == 0, last = i == factors.Factors.Count - 1;
            IEnumerable<string> from = [first ? inputs[0] : between[i - 1], factors.Factors[i].Name, .. last ? inputs.Skip(2) : []];
            Write(json, node, last ? TensorFlowGraph.Text(node, "name")! : between[i], last ? op : plain, from, stages?[i], first, last);
        }
    }

    private static void Write(Utf8JsonWriter json, JsonElement node, string name, string op, IEnumerable<string> inputs, TensorFlowJsConvolution? stage, bool first, bool last)
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
                    WriteAttributes(json, property.Value, stage, first, last);
                    break;
                default:
                    json.WritePropertyName(property.Name);
                    json.WriteRawValue(property.Value.GetRawText(), skipInputValidation: true);
                    break;
            }
        }
        json.WriteEndObject();
    }

    private static void WriteAttributes(Utf8JsonWriter json, JsonElement attributes, TensorFlowJsConvolution? stage, bool first, bool last)
    {
        json.WriteStartObject("attr");
        foreach (JsonProperty attribute in attributes.EnumerateObject().Where(a => last || !s_fused.Contains(a.Name)))
        {
            json.WritePropertyName(attribute.Name);
            if (s_transposes.Contains(attribute.Name) || !first && s_leftTransposes.Contains(attribute.Name))
            {
                json.WriteStartObject();
                json.WriteBoolean("b", false);
                json.WriteEndObject();
            }
            else if (stage is not null && TensorFlowSides.Is(attribute.Name))
                TensorFlowSides.Write(json, attributes, attribute, stage);
            else
                json.WriteRawValue(attribute.Value.GetRawText(), skipInputValidation: true);
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
