using System.Text.Json;
using LowRankTools.Formats.Graphs;

namespace LowRankTools.Formats.TensorFlowJs;

/// <summary>Reads the <c>GraphDef</c> of a graph model, functions of its library included.</summary>
internal static class TensorFlowGraph
{
    /// <summary>The value of every node by the node's name; empty where there is no graph.</summary>
    public static Dictionary<string, GraphValue> Read(JsonElement topology)
    {
        Dictionary<string, GraphValue> values = new(StringComparer.Ordinal);
        ReadNodes(topology, "node", values);
        if (Property(topology, "library", out JsonElement library))
        {
            foreach (JsonElement function in Items(library, "function"))
                ReadNodes(function, "nodeDef", values);
        }
        return values;
    }

    private static void ReadNodes(JsonElement owner, string key, Dictionary<string, GraphValue> values)
    {
        foreach (JsonElement node in Items(owner, key))
        {
            if (Text(node, "op") is not { } op || Text(node, "name") is not { } name)
                continue;
            GraphNode linked = new(op) { TransposeLeft = Flag(node, "transpose_a") || Flag(node, "adj_x"), TransposeRight = Flag(node, "transpose_b") || Flag(node, "adj_y") };
            List<GraphValue?> inputs = [];
            foreach (JsonElement input in Items(node, "input"))
            {
                // "name", "name:1", "name:output:0"; "^name" only says what has to run before.
                if (input.ValueKind != JsonValueKind.String || input.GetString() is not { } source || source.StartsWith('^'))
                    continue;
                GraphValue value = Value(source.Split(':', 2)[0], values);
                value.Uses.Add(new GraphUse(linked, inputs.Count));
                inputs.Add(value);
            }
            linked.Inputs = inputs;
            linked.Output = Value(name, values);
            linked.Output.Producer = op is "Const" or "Placeholder" ? null : linked;
        }
    }

    private static GraphValue Value(string name, Dictionary<string, GraphValue> values)
    {
        if (!values.TryGetValue(name, out GraphValue? value))
            values[name] = value = new GraphValue();
        return value;
    }

    private static bool Flag(JsonElement node, string name) =>
        Property(node, "attr", out JsonElement attributes) && Property(attributes, name, out JsonElement attribute)
        && Property(attribute, "b", out JsonElement flag) && flag.ValueKind == JsonValueKind.True;

    /// <summary>A text of a node; null where it has none.</summary>
    public static string? Text(JsonElement node, string name) =>
        Property(node, name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>A property, where the element is an object that has it.</summary>
    public static bool Property(JsonElement element, string name, out JsonElement value)
    {
        value = default;
        return element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out value);
    }

    /// <summary>The items of an array; none where it is not there.</summary>
    public static IEnumerable<JsonElement> Items(JsonElement owner, string key) =>
        Property(owner, key, out JsonElement items) && items.ValueKind == JsonValueKind.Array ? items.EnumerateArray() : [];
}
