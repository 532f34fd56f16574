using System.Buffers.Binary;

namespace LowRankTools.Formats.Onnx;

/// <summary>
/// Nodes that multiply by the cores of a TT-matrix in place of one that multiplied by the matrix. The last side of x (..., in) becomes digits n1, n2, ...; core after core takes
/// the rank and a digit of the input out of it and puts a digit of the output and the next rank in, by one MatMul each; between two, a Transpose brings the new digit to the front,
/// behind those before it. All sizes but the number of rows are constants. What a Gemm adds and multiplies by comes last.
/// </summary>
/// <param name="reader">Reads the file of the graph.</param>
/// <param name="free">A name that nothing has, near another.</param>
/// <param name="node">The node.</param>
/// <param name="factors">The cores (r, m, n, r').</param>
/// <param name="elementType">Number of their type in ONNX.</param>
/// <param name="version">Version of the graph's operators.</param>
internal sealed class OnnxTrainNodes(ProtobufReader reader, Func<string, string> free, OnnxNode node, OnnxFactors factors, int elementType, long version)
{
    /// <summary>Version of the operators from which sums of sizes that differ need no more to be said.</summary>
    public const int Version = 7;

    // From here on a Slice takes its ends as inputs, before it as attributes.
    private const int SliceByInputs = 10;

    private const int TensorType = 4, IntsType = 7, IntType = OnnxFields.AttributeTypeInt;

    private readonly List<byte[]> _messages = [];

    /// <summary>The messages of all nodes.</summary>
    public IReadOnlyList<byte[]> Replace()
    {
        OnnxPairNodes.RequireShort(reader, node);
        if (node.OpType is not ("MatMul" or "Gemm"))
            throw reader.Invalid($"'{node.Label}' looks rows up in '{factors.Weight}', which no product of cores does");
        long[][] cores = [.. factors.Factors.Select(f => f.Shape.ToArray())];
        long outputs = cores.Aggregate(1L, (m, c) => m * c[1]);
        string x = node.Inputs[0], lead = AllButLast(Emit("Shape", [x])), shape = Emit("Concat", [lead, Numbers(outputs)], Axis(0));
        // (rows, n1, n2 n3 ...): rank 1 is in front.
        string state = Emit("Reshape", [x, Numbers(-1, cores[0][2], Rest(cores, 0))]);
        for (int k = 0; k < cores.Length; k++)
        {
            long[] core = cores[k];
            string matrix = Emit("Reshape", [Emit("Transpose", [factors.Factors[k].Name], Ints("perm", 0, 2, 1, 3)), Numbers(core[0] * core[2], core[1] * core[3])]);
            // (rows, r n, rest) to (rows, rest, m r').
            string product = Emit("MatMul", [Emit("Transpose", [state], Ints("perm", 0, 2, 1)), matrix]);
            if (k == cores.Length - 1)
            {
                state = product;
                break;
            }
            string apart = Emit("Reshape", [product, Numbers(-1, cores[k + 1][2], Rest(cores, k + 1), core[1], core[3])]);
            state = Emit("Reshape", [Emit("Transpose", [apart], Ints("perm", 0, 3, 4, 1, 2)), Numbers(-1, core[3] * cores[k + 1][2], Rest(cores, k + 1))]);
        }
        Finish(state, shape);
        return _messages;
    }

    private void Finish(string product, string shape)
    {
        float alpha = Number("alpha"), beta = Number("beta");
        string? added = node.OpType == "Gemm" && node.Inputs.Count > 2 && node.Inputs[2].Length > 0 ? node.Inputs[2] : null;
        bool scaled = node.OpType == "Gemm" && alpha != 1;
        string last = node.Outputs[0], y = Emit("Reshape", [product, shape], output: scaled || added is not null ? null : last);
        if (scaled)
            y = Emit("Mul", [y, Scalar(alpha)], output: added is null ? last : null);
        if (added is not null)
            Emit("Add", [y, beta == 1 ? added : Emit("Mul", [added, Scalar(beta)])], output: last);
    }

    // Digits of the input behind digit k together.
    private static long Rest(long[][] cores, int k) => cores.Skip(k + 1).Aggregate(1L, (n, c) => n * c[2]);

    private float Number(string name)
    {
        foreach (OnnxField field in OnnxField.Of(reader, node.Span).Where(f => f.Number == OnnxFields.NodeAttribute))
        {
            if (OnnxAttribute.Read(reader, field.Content) is var attribute && attribute.Name == name)
                return attribute.ReadSingle(reader);
        }
        return 1;
    }

    private string AllButLast(string sizes) => version >= SliceByInputs ? Emit("Slice", [sizes, Numbers(0), Numbers(-1)])
        : Emit("Slice", [sizes], Ints("starts", 0), more: Ints("ends", -1));

    private string Emit(string op, IEnumerable<string> inputs, ProtobufWriter? attribute = null, string? output = null, ProtobufWriter? more = null)
    {
        output ??= free($"{node.Outputs[0]}/train");
        ProtobufWriter message = OnnxPairNodes.Head(node, inputs, [output], FormattableString.Invariant($"/{_messages.Count}")).Text(OnnxFields.NodeOpType, op);
        foreach (ProtobufWriter setting in new[] { attribute, more }.OfType<ProtobufWriter>())
            message.Message(OnnxFields.NodeAttribute, setting);
        _messages.Add(message.ToArray());
        return output;
    }

    private string Numbers(params long[] numbers)
    {
        byte[] bytes = new byte[numbers.Length * sizeof(long)];
        for (int i = 0; i < numbers.Length; i++)
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(i * sizeof(long)), numbers[i]);
        return Constant(new ProtobufWriter().Number(OnnxFields.TensorDims, numbers.Length), OnnxElementType.Int64, bytes);
    }

    private string Scalar(float value)
    {
        byte[] bytes = new byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        string constant = Constant(new ProtobufWriter(), OnnxElementType.Float, bytes);
        ProtobufWriter to = new ProtobufWriter().Text(OnnxFields.AttributeName, "to").Number(OnnxFields.AttributeInt, elementType).Number(OnnxFields.AttributeType, IntType);
        return elementType == OnnxElementType.Float ? constant : Emit("Cast", [constant], to);
    }

    // A name behind that of the weight, by which readers of the factors know what it belongs to.
    private string Constant(ProtobufWriter tensor, int type, byte[] bytes)
    {
        tensor.Number(OnnxFields.TensorDataType, type).Bytes(OnnxFields.TensorRawData, bytes);
        ProtobufWriter value = new ProtobufWriter().Text(OnnxFields.AttributeName, "value").Message(OnnxFields.AttributeTensor, tensor).Number(OnnxFields.AttributeType, TensorType);
        return Emit("Constant", [], value, free(factors.Factors[0].Name + OnnxFactors.TrainConstant));
    }

    private static ProtobufWriter Axis(long axis) => new ProtobufWriter().Text(OnnxFields.AttributeName, "axis").Number(OnnxFields.AttributeInt, axis).Number(OnnxFields.AttributeType, IntType);

    private static ProtobufWriter Ints(string name, params long[] numbers)
    {
        ProtobufWriter attribute = new ProtobufWriter().Text(OnnxFields.AttributeName, name);
        foreach (long number in numbers)
            attribute.Number(OnnxFields.AttributeInts, number);
        return attribute.Number(OnnxFields.AttributeType, IntsType);
    }
}
