using System.Text.Json;

namespace LowRankTools.Formats.TensorFlowJs;

/// <summary>Finds the weights of a graph model that factors can stand for in the graph itself.</summary>
internal static class TensorFlowSites
{
    /// <summary>Names of weights of which every use is a product x W, or a convolution over lines and columns.</summary>
    /// <param name="topology">The graph.</param>
    /// <param name="weights">The weights of the manifest.</param>
    public static HashSet<string> Find(JsonElement topology, IEnumerable<TensorFlowJsWeight> weights)
    {
        Dictionary<string, TensorFlowJsWeight> candidates = weights.Where(IsWeight).ToDictionary(w => w.Name, StringComparer.Ordinal);
        HashSet<string> used = new(StringComparer.Ordinal), constants = new(StringComparer.Ordinal);
        foreach (JsonElement node in TensorFlowGraph.Items(topology, "node"))
        {
            if (TensorFlowGraph.Text(node, "op") == "Const" && TensorFlowGraph.Text(node, "name") is { } constant)
                constants.Add(constant);
            List<string> inputs = TensorFlowNodes.Inputs(node);
            for (int i = 0; i < inputs.Count; i++)
            {
                string name = TensorFlowNodes.Producer(inputs[i]);
                if (!candidates.TryGetValue(name, out TensorFlowJsWeight? weight))
                    continue;
                used.Add(name);
                if (!IsReplaceable(node, inputs, i, weight))
                    candidates.Remove(name);
            }
        }
        // What a function or the signature speaks of may be used there.
        foreach (string part in new[] { "library", "signature" })
        {
            if (topology.ValueKind == JsonValueKind.Object && topology.TryGetProperty(part, out JsonElement other))
                Forget(other, candidates);
        }
        return [.. candidates.Keys.Where(name => used.Contains(name) && constants.Contains(name))];
    }

    private static bool IsWeight(TensorFlowJsWeight weight) => weight.DType == "float32" && weight.Name.Length > 0 && weight.Shape.All(size => size > 0)
        && weight.Shape.Length is 2 or 4;

    private static bool IsReplaceable(JsonElement node, List<string> inputs, int input, TensorFlowJsWeight weight)
    {
        bool product = TensorFlowGraph.Text(node, "op") switch
        {
            "MatMul" or "_FusedMatMul" or "BatchMatMul" or "BatchMatMulV2" or "BatchMatMulV3" => weight.Shape.Length == 2,
            "Conv2D" or "_FusedConv2D" => weight.Shape.Length == 4 && TensorFlowSides.AreKnown(node),
            _ => false,
        };
        // Not where it stands twice, nor where something only waits for it.
        return product && input == 1 && TensorFlowGraph.Text(node, "name") is { Length: > 0 }
            && inputs.Count(i => TensorFlowNodes.Producer(i) == weight.Name) == 1 && !inputs[input].StartsWith('^') && !inputs[0].StartsWith('^');
    }

    private static void Forget(JsonElement element, Dictionary<string, TensorFlowJsWeight> candidates)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String:
                candidates.Remove(TensorFlowNodes.Producer(element.GetString()!));
                break;
            case JsonValueKind.Array:
                foreach (JsonElement item in element.EnumerateArray())
                    Forget(item, candidates);
                break;
            case JsonValueKind.Object:
                foreach (JsonProperty property in element.EnumerateObject())
                    Forget(property.Value, candidates);
                break;
        }
    }
}
