namespace LowRankTools.Formats.Onnx;

/// <summary>A weight of the main graph and the nodes that use it.</summary>
/// <param name="Weight">The tensor; an initializer, or what a Constant node holds.</param>
/// <param name="Uses">Places in the main graph of the nodes that multiply by it or look it up.</param>
internal sealed record OnnxWeightSite(OnnxTensor Weight, List<int> Uses);

/// <summary>Finds the weights that a pair of factors, or a chain of convolutions, can stand for in the graph itself.</summary>
internal static class OnnxWeightSites
{
    /// <summary>Whether sizes are as many as those of the kernel of a convolution over a signal, over lines and columns, or over a volume.</summary>
    private static bool IsKernel(OnnxTensor tensor) => tensor.Dims.Length is >= 3 and <= 5;

    /// <summary>Kernels of convolutions in groups of channels.</summary>
    public static HashSet<string> Grouped(OnnxModel model) => [.. model.Graph.Nodes.Where(n => n.OpType is "Conv" or "ConvTranspose" && n.Groups != 1 && n.Inputs.Count > 1).Select(n => n.Inputs[1])];

    /// <summary>Weights by name.</summary>
    public static Dictionary<string, OnnxWeightSite> Find(OnnxModel model)
    {
        Dictionary<string, OnnxWeightSite> sites = new(StringComparer.Ordinal);
        foreach (OnnxTensor tensor in model.Graph.Initializers.Concat(model.Graph.Nodes.SelectMany(n => n.Constants)).Where(IsWeight))
            sites[tensor.Name] = new OnnxWeightSite(tensor, []);
        foreach (string name in model.Graph.Outputs.Concat(model.Graph.Nodes.SelectMany(n => n.Subgraphs).SelectMany(Names)))
            sites.Remove(name);
        for (int i = 0; i < model.Graph.Nodes.Count; i++)
        {
            OnnxNode node = model.Graph.Nodes[i];
            for (int input = 0; input < node.Inputs.Count; input++)
            {
                if (!sites.TryGetValue(node.Inputs[input], out OnnxWeightSite? site))
                    continue;
                if (IsReplaceable(node, input, IsKernel(site.Weight)))
                    site.Uses.Add(i);
                else
                    sites.Remove(node.Inputs[input]);
            }
        }
        // What is convolved with one way and the other is stored for both, and a chain would be for one.
        return sites.Where(s => s.Value.Uses.Count > 0 && s.Value.Uses.Select(u => model.Graph.Nodes[u].OpType == "ConvTranspose").Distinct().Count() == 1).ToDictionary(StringComparer.Ordinal);
    }

    private static bool IsWeight(OnnxTensor tensor) => !tensor.IsBuffer && (tensor.Dims.Length == 2 || IsKernel(tensor)) && tensor.Name.Length > 0
        && tensor.DataType is OnnxElementType.Float or OnnxElementType.Half or OnnxElementType.Double or OnnxElementType.BFloat;

    /// <summary>Whether a node means x W, or rows of W, by one of its inputs, or x convolved with W, a kernel.</summary>
    private static bool IsReplaceable(OnnxNode node, int input, bool kernel) => node.Domain is "" or "ai.onnx" && kernel == node.OpType is "Conv" or "ConvTranspose" && (node.OpType, input) switch
    {
        ("Conv" or "ConvTranspose", 1) => node.Groups == 1 && !node.HasOutputShape && node.Outputs.Count == 1 && node.Inputs[0] != node.Inputs[1] && node.Inputs.IndexOf(node.Inputs[1], 2) < 0,
        ("MatMul", 1) => node.Inputs.Count == 2 && node.Inputs[0] != node.Inputs[1],
        ("Gemm", 1) => !node.TransposeLeft && node.Inputs[0] != node.Inputs[1] && node.Inputs.IndexOf(node.Inputs[1], 2) < 0,
        ("Gather", 0) => node.Inputs.Count == 2 && node.Axis == 0,
        _ => false,
    };

    /// <summary>Every name that a subgraph reads or hands out, those of graphs around it among them.</summary>
    private static IEnumerable<string> Names(OnnxGraph graph) =>
        graph.Outputs.Concat(graph.Nodes.SelectMany(n => n.Inputs)).Concat(graph.Nodes.SelectMany(n => n.Subgraphs).SelectMany(Names));
}
