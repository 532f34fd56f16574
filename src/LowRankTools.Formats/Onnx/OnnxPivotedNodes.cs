namespace LowRankTools.Formats.Onnx;

/// <summary>
/// Nodes that multiply by a pivoted pair in place of one that multiplied by the matrix: p = x A^T has the outputs that are rows of A, q = p C^T the others, and a Gather brings
/// both to their places. The places follow from the pivots by nodes of constants alone, which runtimes compute once when they load the graph.
/// </summary>
/// <param name="nodes">Makes the nodes.</param>
/// <param name="factors">The pivots (out), A (r, in) and C (out - r, r).</param>
internal sealed class OnnxPivotedNodes(OnnxProductNodes nodes, OnnxFactors factors)
{
    /// <summary>Version of the operators from which there are running sums, and axes count from the end.</summary>
    public const int Version = 11;

    /// <summary>Makes all nodes.</summary>
    public void Replace()
    {
        nodes.RequireProduct();
        string kept = Product(nodes.Input, factors.Factors[1].Name), others = Product(kept, factors.Factors[2].Name);
        string both = nodes.Emit("Concat", [kept, others], [OnnxProductNodes.Int("axis", -1)]), places = Places(factors.Factors[0].Name, factors.Factors[1].Shape[0]);
        nodes.Finish(output => nodes.Emit("Gather", [both, places], [OnnxProductNodes.Int("axis", -1)], output));
    }

    private string Product(string x, string factor) => nodes.Emit("MatMul", [x, nodes.Emit("Transpose", [factor], [OnnxProductNodes.Ints("perm", 1, 0)])]);

    /// <summary>For each output its place: as many as there are kept ones before it, or the rank and as many as there are others before it.</summary>
    private string Places(string pivots, long rank)
    {
        string one = nodes.Numbers(1), whole = nodes.Cast(pivots, OnnxElementType.Int64);
        string others = nodes.Emit("Add", [Sum(nodes.Emit("Sub", [one, whole])), nodes.Numbers(rank)]);
        return nodes.Emit("Sub", [nodes.Emit("Where", [nodes.Cast(pivots, OnnxElementType.Truth), Sum(whole), others]), one]);
    }

    private string Sum(string values) => nodes.Emit("CumSum", [values, nodes.Number(0)]);
}
