namespace LowRankTools.Formats.Onnx;

/// <summary>Tensors by where in a model they are defined.</summary>
internal static class OnnxTensors
{
    /// <summary>Those of subgraphs and functions, which are copied as parts of their nodes, and those in constants of the main graph.</summary>
    public static IEnumerable<OnnxTensor> InSubgraphs(OnnxModel model) =>
        model.Graph.Nodes.SelectMany(InNode).Concat(model.Functions.SelectMany(f => f.Body.Nodes).SelectMany(InNode));

    private static IEnumerable<OnnxTensor> InNode(OnnxNode node) =>
        node.Constants.Concat(node.Subgraphs.SelectMany(g => g.Initializers.Concat(g.Nodes.SelectMany(InNode))));
}
