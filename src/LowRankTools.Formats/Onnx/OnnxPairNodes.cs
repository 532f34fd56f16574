namespace LowRankTools.Formats.Onnx;

/// <summary>
/// Two nodes in place of one that used a weight: x W becomes (x A) B with A (in, r) and B (r, out), rows of a table W become
/// rows of A (entries, r) times B (r, features). Whatever else the node says goes to the one of the two that it is about.
/// </summary>
/// <param name="reader">Reads the file of the graph.</param>
internal sealed class OnnxPairNodes(ProtobufReader reader)
{
    /// <summary>The operator that makes floats of levels; it takes a scale for each column from <see cref="DequantizeVersion"/> of the operators on.</summary>
    public const string DequantizeOperator = "DequantizeLinear";

    /// <summary>Version of the operators from which there may be many scales.</summary>
    public const int DequantizeVersion = 13;

    private const int MostBytes = 1 << 24;

    /// <summary>The messages of both nodes.</summary>
    /// <param name="node">The node.</param>
    /// <param name="first">Name of A.</param>
    /// <param name="second">Name of B.</param>
    /// <param name="between">Name of the value between them.</param>
    public byte[][] Replace(OnnxNode node, string first, string second, string between)
    {
        RequireShort(reader, node);
        return node.OpType == "Gather"
            ? [Own(node, [first, node.Inputs[1]], [between], "/0", _ => true), Product(node, [between, second], node.Outputs, "/1")]
            : [Product(node, [node.Inputs[0], first], [between], "/0"),
                Own(node, [between, second, .. node.Inputs.Skip(2)], node.Outputs, "/1", attribute => attribute != "transB")];
    }

    /// <summary>Refuses a node whose settings would fill the memory.</summary>
    public static void RequireShort(ProtobufReader reader, OnnxNode node)
    {
        if (node.Span.Length > MostBytes)
            throw reader.Invalid($"the node '{node.Label}' has {node.Span.Length} bytes of settings");
    }

    /// <summary>The message of a node that makes float32 values of int8 levels, one scale a column.</summary>
    /// <param name="levels">Name of the levels.</param>
    /// <param name="scales">Name of the scales.</param>
    /// <param name="value">Name of the values.</param>
    public static byte[] Dequantize(string levels, string scales, string value)
    {
        ProtobufWriter axis = new ProtobufWriter().Text(OnnxFields.AttributeName, "axis").Number(OnnxFields.AttributeInt, 1).Number(OnnxFields.AttributeType, OnnxFields.AttributeTypeInt);
        return new ProtobufWriter().Text(OnnxFields.NodeInput, levels).Text(OnnxFields.NodeInput, scales).Text(OnnxFields.NodeOutput, value)
            .Text(OnnxFields.NodeOpType, DequantizeOperator).Message(OnnxFields.NodeAttribute, axis).ToArray();
    }

    /// <summary>A plain matrix product.</summary>
    private static byte[] Product(OnnxNode node, IEnumerable<string> inputs, IEnumerable<string> outputs, string suffix) =>
        Head(node, inputs, outputs, suffix).Text(OnnxFields.NodeOpType, "MatMul").ToArray();

    /// <summary>The node itself, on other values.</summary>
    private byte[] Own(OnnxNode node, IEnumerable<string> inputs, IEnumerable<string> outputs, string suffix, Func<string, bool> keeps)
    {
        ProtobufWriter own = Head(node, inputs, outputs, suffix);
        foreach (OnnxField field in OnnxField.Of(reader, node.Span))
        {
            bool replaced = field.Number is OnnxFields.NodeInput or OnnxFields.NodeOutput or OnnxFields.NodeName
                || field.Number == OnnxFields.NodeAttribute && !keeps(OnnxAttribute.Read(reader, field.Content).Name);
            if (!replaced)
                own.Raw(reader.ReadBytes(field.Whole));
        }
        return own.ToArray();
    }

    /// <summary>Inputs, outputs and name of a node in place of another.</summary>
    public static ProtobufWriter Head(OnnxNode node, IEnumerable<string> inputs, IEnumerable<string> outputs, string suffix)
    {
        ProtobufWriter head = new();
        foreach (string input in inputs)
            head.Text(OnnxFields.NodeInput, input);
        foreach (string output in outputs)
            head.Text(OnnxFields.NodeOutput, output);
        // Exporters may leave nodes unnamed; then these two are as well.
        return node.Name.Length == 0 ? head : head.Text(OnnxFields.NodeName, node.Name + suffix);
    }
}
