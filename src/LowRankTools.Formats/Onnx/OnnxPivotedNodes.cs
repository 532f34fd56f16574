namespace LowRankTools.Formats.Onnx;

/// <summary>
/// Nodes that multiply by a pivoted pair in place of one that multiplied by the matrix: p = x A^T has the outputs that are rows of A, q = p C^T the others, and a Gather brings
/// both to their places. The places follow from the pivots by nodes of constants alone, which runtimes compute once when they load the graph.
/// </summary>
/// <param name="nodes">Makes the nodes.</param>
/// <param name="factors">The pivots (out), A (r, in) and C (out - r, r).</param>
internal sealed class OnnxPivotedNodes(OnnxProductNodes nodes, OnnxFactors factors)
{
    /// <summary>Version of the operators from which a node finds what is not zero.</summary>
    public const int Version = 9;

    // From here on axes count from the end too, so that nobody has to know how many there are, and Scatter has another name.
    private const int AxesFromEnd = 11;

    /// <summary>Makes all nodes.</summary>
    public void Replace()
    {
        nodes.RequireProduct();
        (string pivots, string rows, string others) = (factors.Factors[0].Name, factors.Factors[1].Name, factors.Factors[2].Name);
        bool fromEnd = nodes.Version >= AxesFromEnd;
        string x = fromEnd ? nodes.Input : nodes.Emit("Reshape", [nodes.Input, nodes.Numbers(-1, factors.Factors[1].Shape[1])]);
        string kept = Product(x, rows), both = nodes.Emit("Concat", [kept, Product(kept, others)], [Axis(fromEnd ? -1 : 1)]), places = Places(pivots);
        string Placed(string? output) => nodes.Emit("Gather", [both, places], [Axis(fromEnd ? -1 : 1)], output);
        if (fromEnd)
        {
            nodes.Finish(Placed);
            return;
        }
        string shape = nodes.OutputShape(factors.Factors[0].Shape[0]);
        nodes.Finish(output => nodes.Emit("Reshape", [Placed(null), shape], output: output));
    }

    private string Product(string x, string factor) => nodes.Emit("MatMul", [x, nodes.Emit("Transpose", [factor], [OnnxProductNodes.Ints("perm", 1, 0)])]);

    /// <summary>For each output its place among those of A and then those of C: the inverse of the order of the outputs there.</summary>
    private string Places(string pivots)
    {
        string one = nodes.Numbers(1), kept = nodes.Cast(pivots, OnnxElementType.Int64);
        string order = nodes.Emit("Concat", [NotZero(kept), NotZero(nodes.Emit("Sub", [one, kept]))], [Axis(0)]), numbers = NotZero(nodes.Emit("Add", [kept, one]));
        return nodes.Emit(nodes.Version >= AxesFromEnd ? "ScatterElements" : "Scatter", [order, order, numbers], [Axis(0)]);
    }

    private string NotZero(string values) => nodes.Emit("Reshape", [nodes.Emit("NonZero", [values]), nodes.Numbers(-1)]);

    private static ProtobufWriter Axis(long axis) => OnnxProductNodes.Int("axis", axis);
}
