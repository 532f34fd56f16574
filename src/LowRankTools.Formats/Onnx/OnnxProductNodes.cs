using System.Buffers.Binary;

namespace LowRankTools.Formats.Onnx;

/// <summary>Nodes in place of one that multiplied by a weight, as they are made one after the other. What a Gemm adds and multiplies by comes last.</summary>
/// <param name="reader">Reads the file of the graph.</param>
/// <param name="free">A name that nothing has, near another.</param>
/// <param name="node">The node.</param>
/// <param name="factors">The factors in place of the weight.</param>
/// <param name="elementType">Number of their type in ONNX.</param>
/// <param name="version">Version of the graph's operators.</param>
internal sealed class OnnxProductNodes(ProtobufReader reader, Func<string, string> free, OnnxNode node, OnnxFactors factors, int elementType, long version)
{
    // From here on a Slice takes its ends as inputs, before it as attributes.
    private const int SliceByInputs = 10;

    private const int TensorType = 4, IntsType = 7, IntType = OnnxFields.AttributeTypeInt;

    private readonly List<byte[]> _messages = [];

    /// <summary>Version of the graph's operators.</summary>
    public long Version => version;

    /// <summary>Name of x.</summary>
    public string Input => node.Inputs[0];

    /// <summary>The messages of all nodes.</summary>
    public IReadOnlyList<byte[]> Messages => _messages;

    /// <summary>Refuses a node that looks rows up, or whose settings would fill the memory.</summary>
    public void RequireProduct()
    {
        OnnxPairNodes.RequireShort(reader, node);
        if (node.OpType is not ("MatMul" or "Gemm"))
            throw reader.Invalid($"'{node.Label}' looks rows up in '{factors.Weight}', which no product of factors does");
    }

    /// <summary>Makes a node of one output.</summary>
    /// <param name="op">Its operator.</param>
    /// <param name="inputs">Names of its inputs.</param>
    /// <param name="attributes">Its settings.</param>
    /// <param name="output">Name of the output; null for a free one.</param>
    /// <returns>Name of the output.</returns>
    public string Emit(string op, IEnumerable<string> inputs, IEnumerable<ProtobufWriter>? attributes = null, string? output = null)
    {
        output ??= free($"{node.Outputs[0]}/{(factors.IsTrain ? "train" : "pivoted")}");
        ProtobufWriter message = OnnxPairNodes.Head(node, inputs, [output], FormattableString.Invariant($"/{_messages.Count}")).Text(OnnxFields.NodeOpType, op);
        foreach (ProtobufWriter attribute in attributes ?? [])
            message.Message(OnnxFields.NodeAttribute, attribute);
        _messages.Add(message.ToArray());
        return output;
    }

    /// <summary>Makes the last node of the product, and behind it what a Gemm does to it.</summary>
    /// <param name="product">Makes it, with that name of the output or a free one, and says the name.</param>
    public void Finish(Func<string?, string> product)
    {
        float alpha = Setting("alpha"), beta = Setting("beta");
        string? added = node.OpType == "Gemm" && node.Inputs.Count > 2 && node.Inputs[2].Length > 0 ? node.Inputs[2] : null;
        bool scaled = node.OpType == "Gemm" && alpha != 1;
        string last = node.Outputs[0], y = product(scaled || added is not null ? null : last);
        if (scaled)
            y = Emit("Mul", [y, Scalar(alpha)], output: added is null ? last : null);
        if (added is not null)
            Emit("Add", [y, beta == 1 ? added : Emit("Mul", [added, Scalar(beta)])], output: last);
    }

    /// <summary>Sizes of the answer: those of x, but for the last.</summary>
    public string OutputShape(long outputs)
    {
        string sizes = Emit("Shape", [Input]);
        string lead = version >= SliceByInputs ? Emit("Slice", [sizes, Numbers(0), Numbers(-1)]) : Emit("Slice", [sizes], [Ints("starts", 0), Ints("ends", -1)]);
        return Emit("Concat", [lead, Numbers(outputs)], [Int("axis", 0)]);
    }

    /// <summary>Whole numbers in a row, as a constant.</summary>
    public string Numbers(params long[] numbers)
    {
        byte[] bytes = new byte[numbers.Length * sizeof(long)];
        for (int i = 0; i < numbers.Length; i++)
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(i * sizeof(long)), numbers[i]);
        return Constant(new ProtobufWriter().Number(OnnxFields.TensorDims, numbers.Length), OnnxElementType.Int64, bytes);
    }

    /// <summary>Values in another type.</summary>
    public string Cast(string value, int type) => Emit("Cast", [value], [Int("to", type)]);

    /// <summary>A setting that is a whole number.</summary>
    public static ProtobufWriter Int(string name, long number) => new ProtobufWriter().Text(OnnxFields.AttributeName, name).Number(OnnxFields.AttributeInt, number).Number(OnnxFields.AttributeType, IntType);

    /// <summary>A setting of whole numbers.</summary>
    public static ProtobufWriter Ints(string name, params long[] numbers)
    {
        ProtobufWriter attribute = new ProtobufWriter().Text(OnnxFields.AttributeName, name);
        foreach (long number in numbers)
            attribute.Number(OnnxFields.AttributeInts, number);
        return attribute.Number(OnnxFields.AttributeType, IntsType);
    }

    private float Setting(string name)
    {
        foreach (OnnxField field in OnnxField.Of(reader, node.Span).Where(f => f.Number == OnnxFields.NodeAttribute))
        {
            if (OnnxAttribute.Read(reader, field.Content) is var attribute && attribute.Name == name)
                return attribute.ReadSingle(reader);
        }
        return 1;
    }

    private string Scalar(float value)
    {
        byte[] bytes = new byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        string constant = Constant(new ProtobufWriter(), OnnxElementType.Float, bytes);
        return elementType == OnnxElementType.Float ? constant : Cast(constant, elementType);
    }

    // A name behind that of the weight, by which readers of the factors know what it belongs to.
    private string Constant(ProtobufWriter tensor, int type, byte[] bytes)
    {
        tensor.Number(OnnxFields.TensorDataType, type).Bytes(OnnxFields.TensorRawData, bytes);
        ProtobufWriter value = new ProtobufWriter().Text(OnnxFields.AttributeName, "value").Message(OnnxFields.AttributeTensor, tensor).Number(OnnxFields.AttributeType, TensorType);
        return Emit("Constant", [], [value], free(factors.Factors[0].Name + OnnxFactors.ProductConstant));
    }
}
