namespace LowRankTools.Formats.Onnx;

/// <summary>Reads <c>GraphProto</c>, <c>FunctionProto</c> and <c>NodeProto</c> messages, subgraphs included.</summary>
internal sealed class OnnxGraphReader(ProtobufReader reader)
{
    /// <summary>Reads a graph.</summary>
    public OnnxGraph ReadGraph(MessageSpan span, OnnxGraph? parent = null, OnnxNode? owner = null, string attribute = "", int depth = 0)
    {
        if (depth > OnnxLimits.GraphDepth)
            throw reader.Invalid($"subgraphs are nested more than {OnnxLimits.GraphDepth} deep");
        reader.CountItem(OnnxLimits.ObjectWeight);
        OnnxGraph graph = new(parent, owner, attribute);
        reader.Position = span.Start;
        while (reader.TryReadTag(span.End, out int field, out WireType type))
        {
            if (field is not (OnnxFields.GraphNode or OnnxFields.GraphInitializer or OnnxFields.GraphInput or OnnxFields.GraphOutput or OnnxFields.GraphSparseInitializer))
            {
                reader.Skip(span.End, type);
                continue;
            }
            MessageSpan part = reader.ReadSpan(span.End, type);
            if (field == OnnxFields.GraphNode)
                graph.Nodes.Add(ReadNode(part, graph, depth));
            else if (field == OnnxFields.GraphInitializer)
                graph.Initializers.Add(OnnxTensorReader.Read(reader, part));
            else if (field == OnnxFields.GraphInput)
            {
                graph.Declared.Add(new OnnxValueReader(reader).Read(part));
                graph.Inputs.Add(graph.Declared[^1].Name);
            }
            else if (field == OnnxFields.GraphOutput)
                graph.Outputs.Add(new OnnxValueReader(reader).Read(part).Name);
            else
                graph.Initializers.AddRange(OnnxTensorReader.ReadSparse(reader, part));
            reader.Position = part.End;
        }
        return graph;
    }

    /// <summary>Reads a function: its body, and the names under which nodes call it.</summary>
    public (string Domain, string Name, OnnxGraph Body) ReadFunction(MessageSpan span)
    {
        string name = "";
        string domain = "";
        List<MessageSpan> nodes = [];
        List<string> inputs = [];
        reader.Position = span.Start;
        while (reader.TryReadTag(span.End, out int field, out WireType type))
        {
            switch (field)
            {
                case OnnxFields.FunctionName:
                    name = reader.ReadText(span.End, type);
                    break;
                case OnnxFields.FunctionDomain:
                    domain = reader.ReadText(span.End, type);
                    break;
                case OnnxFields.FunctionInput:
                    AddName(inputs, span.End, type);
                    break;
                case OnnxFields.FunctionNode:
                    reader.CountItem();
                    nodes.Add(reader.ReadSpan(span.End, type));
                    break;
                default:
                    reader.Skip(span.End, type);
                    break;
            }
        }
        OnnxGraph body = new(parent: null, owner: null, name.Length > 0 ? name : "function");
        body.Inputs.AddRange(inputs);
        foreach (MessageSpan node in nodes)
            body.Nodes.Add(ReadNode(node, body, depth: 1));
        return (domain, name, body);
    }

    private OnnxNode ReadNode(MessageSpan span, OnnxGraph graph, int depth)
    {
        reader.CountItem(OnnxLimits.ObjectWeight);
        OnnxNode node = new(graph.Nodes.Count) { Span = span };
        // The fields of a message come in any order, and attributes mean nothing before the operation is known.
        List<MessageSpan> attributes = [];
        reader.Position = span.Start;
        while (reader.TryReadTag(span.End, out int field, out WireType type))
        {
            switch (field)
            {
                case OnnxFields.NodeInput:
                    AddName(node.Inputs, span.End, type);
                    break;
                case OnnxFields.NodeOutput:
                    AddName(node.Outputs, span.End, type);
                    break;
                case OnnxFields.NodeName:
                    node.Name = reader.ReadText(span.End, type);
                    break;
                case OnnxFields.NodeOpType:
                    node.OpType = reader.ReadText(span.End, type);
                    break;
                case OnnxFields.NodeDomain:
                    node.Domain = reader.ReadText(span.End, type);
                    break;
                case OnnxFields.NodeAttribute:
                    reader.CountItem();
                    attributes.Add(reader.ReadSpan(span.End, type));
                    break;
                default:
                    reader.Skip(span.End, type);
                    break;
            }
        }
        foreach (MessageSpan attribute in attributes)
            Apply(OnnxAttribute.Read(reader, attribute), node, graph, depth);
        return node;
    }

    private void Apply(OnnxAttribute attribute, OnnxNode node, OnnxGraph graph, int depth)
    {
        foreach (MessageSpan subgraph in attribute.Graphs)
            node.Subgraphs.Add(ReadGraph(subgraph, graph, node, attribute.Name, depth + 1));
        switch (attribute.Name)
        {
            case "perm" when node.OpType == "Transpose":
                node.Permutation = attribute.ReadInts(reader);
                break;
            case "axis":
                node.Axis = attribute.Int;
                break;
            case "group":
                node.Groups = attribute.Int;
                break;
            case "output_shape" when node.OpType == "ConvTranspose":
                node.HasOutputShape = attribute.ReadInts(reader) is not [];
                break;
            case "transA":
                node.TransposeLeft = attribute.Int != 0;
                break;
            case "transB":
                node.TransposeRight = attribute.Int != 0;
                break;
            case "value" or "sparse_value" or "value_float" or "value_floats" or "value_int" or "value_ints" when node.OpType == "Constant":
                foreach (OnnxTensor tensor in attribute.ReadConstant(reader))
                    AddConstant(node, tensor);
                break;
        }
    }

    /// <summary>A constant is known by its node's output; that is the name that other nodes read.</summary>
    private static void AddConstant(OnnxNode node, OnnxTensor tensor)
    {
        string output = node.Outputs.Count > 0 ? node.Outputs[0] : "";
        if (output.Length == 0)
            output = node.Label;
        tensor.Name = tensor.IsBuffer ? output + ".indices" : output;
        node.Constants.Add(tensor);
    }

    private void AddName(List<string> names, long end, WireType type)
    {
        reader.CountItem();
        names.Add(reader.ReadText(end, type));
    }
}
