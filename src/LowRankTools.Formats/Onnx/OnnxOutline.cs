using System.Globalization;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Formats.Onnx;

/// <summary>
/// What an ONNX model will be made of once factors stand in place of weights: bytes that are kept as they are, nodes and tensors that
/// are new, and the length of it all, known before anything is written. Values in data files go on into one data file.
/// </summary>
internal sealed class OnnxOutline
{
    /// <summary>Data of a tensor begins at a multiple of this, so that a runtime can map it.</summary>
    private const int Alignment = 64;

    private const int OldestWithoutInputs = 4;

    private readonly OnnxFile _source;
    private readonly ProtobufReader _reader;
    private readonly IReadOnlyList<OnnxFactors> _pairs;
    private readonly string? _dataName;
    private readonly HashSet<string> _replaced;
    private readonly Dictionary<long, OnnxTensor> _initializers;
    private readonly HashSet<string> _taken;
    private readonly Dictionary<string, long> _offsets = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);
    private readonly List<OnnxPart> _graph = [];
    private readonly List<OnnxPart> _others = [];

    /// <summary>Lays a model out.</summary>
    /// <param name="source">The model.</param>
    /// <param name="pairs">What takes the place of weights.</param>
    /// <param name="metadataKeys">Free text that is written anew, so that the old is left out.</param>
    /// <param name="dataName">Name of the data file beside the model; null where all values are in the model.</param>
    public OnnxOutline(OnnxFile source, IReadOnlyList<OnnxFactors> pairs, IEnumerable<string> metadataKeys, string? dataName)
    {
        _source = source;
        _reader = new ProtobufReader(source.Handle);
        _pairs = pairs;
        _dataName = dataName;
        _replaced = [.. pairs.Select(p => source.Sites[p.Weight].Weight.Name)];
        OnnxGraph graph = source.Model.Graph;
        _initializers = graph.Initializers.ToDictionary(t => t.Position);
        _taken = [.. graph.Inputs, .. graph.Outputs, .. graph.Initializers.Select(t => t.Name), .. graph.Nodes.SelectMany(n => n.Inputs.Concat(n.Outputs))];
        HashSet<string> anew = [.. metadataKeys];
        foreach (OnnxField field in OnnxField.Of(_reader, _reader.WholeFile))
        {
            if (field.Number == OnnxFields.ModelGraph)
                Graph(field.Content);
            else if (field.Number != OnnxFields.ModelMetadata || !anew.Contains(OnnxTensorReader.ReadEntry(_reader, field.Content, OnnxLimits.MetadataBytes).Item1))
                _others.Add(new OnnxPart.Kept(field.Whole));
        }
        GraphLength = _graph.Sum(p => p.Length) + _pairs.SelectMany(p => p.Tensors).Sum(t => Head(t).Length + (_dataName is null ? t.ByteLength : 0));
    }

    /// <summary>Fields of the model besides the graph.</summary>
    public IReadOnlyList<OnnxPart> Others => _others;

    /// <summary>Fields of the graph up to the values of the pairs.</summary>
    public IReadOnlyList<OnnxPart> Parts => _graph;

    /// <summary>Bytes of the graph, the pairs' tensors among them.</summary>
    public long GraphLength { get; }

    /// <summary>Tensors whose values move from a data file to the new one, in order.</summary>
    public List<TensorInfo> Moved { get; } = [];

    /// <summary>Length of the data file.</summary>
    public long DataLength { get; private set; }

    /// <summary>A pair's tensor up to its values, as a field of the graph.</summary>
    public byte[] Head(TensorSpec tensor)
    {
        ProtobufWriter head = new();
        foreach (long size in tensor.Shape)
            head.Number(OnnxFields.TensorDims, size);
        head.Number(OnnxFields.TensorDataType, ElementType(tensor.DType)).Text(OnnxFields.TensorName, tensor.Name);
        if (_dataName is not null)
            return new ProtobufWriter().Message(OnnxFields.GraphInitializer, Located(head, _offsets[tensor.Name], tensor.ByteLength)).ToArray();
        head.Length(OnnxFields.TensorRawData, tensor.ByteLength);
        byte[] bytes = head.ToArray();
        return new ProtobufWriter().Length(OnnxFields.GraphInitializer, bytes.Length + tensor.ByteLength).Raw(bytes).ToArray();
    }

    /// <summary>Where a tensor's values begin in the data file.</summary>
    public long OffsetOf(string tensor) => _offsets[tensor];

    private void Graph(MessageSpan graph)
    {
        Dictionary<int, OnnxFactors> byNode = [];
        foreach (OnnxFactors pair in _pairs)
        {
            foreach (int use in _source.Sites[pair.Weight].Uses)
                byNode[use] = pair;
            foreach (TensorSpec tensor in pair.Tensors)
                Claim(tensor.Name);
        }
        int node = 0;
        foreach (OnnxField field in OnnxField.Of(_reader, graph))
        {
            switch (field.Number)
            {
                case OnnxFields.GraphNode:
                    OnnxNode parsed = _source.Model.Graph.Nodes[node];
                    if (byNode.TryGetValue(node++, out OnnxFactors? pair))
                        Replace(parsed, pair);
                    else if (!parsed.Constants.Exists(c => _replaced.Contains(c.Name)))
                        _graph.Add(new OnnxPart.Kept(field.Whole));
                    break;
                case OnnxFields.GraphInitializer:
                    Initializer(field);
                    break;
                case OnnxFields.GraphInput when _replaced.Contains(Name(field.Content)):
                    break;
                default:
                    _graph.Add(new OnnxPart.Kept(field.Whole));
                    break;
            }
        }
        foreach (TensorSpec tensor in _pairs.SelectMany(p => p.Tensors))
        {
            Place(tensor.Name, tensor.ByteLength);
            if (IrVersion < OldestWithoutInputs)
                _graph.Add(new OnnxPart.New(Input(tensor)));
        }
    }

    private long IrVersion => long.TryParse(_source.Metadata.GetValueOrDefault("ir_version"), NumberStyles.None, CultureInfo.InvariantCulture, out long version) ? version : OldestWithoutInputs;

    private void Replace(OnnxNode node, OnnxFactors pair)
    {
        if (pair.IsTrain || pair.IsPivoted)
        {
            OnnxProductNodes nodes = new(_reader, Free, node, pair, ElementType(pair.Factors[0].DType), _source.OperatorVersion);
            if (pair.IsTrain)
                new OnnxTrainNodes(nodes, pair).Replace();
            else
                new OnnxPivotedNodes(nodes, pair).Replace();
            Add(nodes.Messages);
            return;
        }
        string[] between = [.. Enumerable.Range(0, pair.Factors.Count - 1).Select(i => Free(i == 0 ? $"{node.Outputs[0]}/rank" : $"{node.Outputs[0]}/rank{i}"))];
        IEnumerable<byte[]> messages = pair.Chain is null
            ? new OnnxPairNodes(_reader).Replace(node, Value(pair.Factors[0], pair.Scales?[0]), Value(pair.Factors[1], pair.Scales?[1]), between[0])
            : new OnnxConvolutionNodes(_reader).Replace(node, pair, between);
        Add(messages);
    }

    private void Add(IEnumerable<byte[]> messages)
    {
        ProtobufWriter nodes = new();
        foreach (byte[] message in messages)
            nodes.Bytes(OnnxFields.GraphNode, message);
        _graph.Add(new OnnxPart.New(nodes.ToArray()));
    }

    private string Free(string name)
    {
        while (!_taken.Add(name))
            name += "_";
        return name;
    }

    /// <summary>Name of a factor's values: its own, or that of what a node makes of its levels and scales before the first use.</summary>
    private string Value(TensorSpec factor, TensorSpec? scale)
    {
        if (scale is null)
            return factor.Name;
        if (_values.TryGetValue(factor.Name, out string? value))
            return value;
        value = Free($"{factor.Name}/value");
        _values[factor.Name] = value;
        _graph.Add(new OnnxPart.New(new ProtobufWriter().Bytes(OnnxFields.GraphNode, OnnxPairNodes.Dequantize(factor.Name, scale.Name, value)).ToArray()));
        return value;
    }

    private void Initializer(OnnxField field)
    {
        OnnxTensor tensor = _initializers[field.Content.Start];
        if (_replaced.Contains(tensor.Name))
            return;
        if (tensor.External is null)
        {
            _graph.Add(new OnnxPart.Kept(field.Whole));
            return;
        }
        TensorInfo info = _source.AsStored(tensor);
        Moved.Add(info);
        Place(tensor.Name, info.ByteLength);
        ProtobufWriter moved = new();
        foreach (OnnxField part in OnnxField.Of(_reader, field.Content).Where(p => p.Number is not (OnnxFields.TensorExternalData or OnnxFields.TensorDataLocation)))
            moved.Raw(_reader.ReadBytes(part.Whole));
        _graph.Add(new OnnxPart.New(new ProtobufWriter().Message(OnnxFields.GraphInitializer, Located(moved, _offsets[tensor.Name], info.ByteLength)).ToArray()));
    }

    private void Claim(string name)
    {
        if (!_taken.Add(name))
            throw new ModelFormatException(FormatErrors.DuplicateTensor, $"The graph has a value '{name}' already.", _source.Path, name, "Leave the layer out with -Exclude.");
    }

    private void Place(string name, long length)
    {
        _offsets[name] = DataLength = (DataLength + Alignment - 1) / Alignment * Alignment;
        DataLength += length;
    }

    private ProtobufWriter Located(ProtobufWriter tensor, long offset, long length)
    {
        foreach ((string key, string value) in new[] { ("location", _dataName!), ("offset", Text(offset)), ("length", Text(length)) })
            tensor.Message(OnnxFields.TensorExternalData, new ProtobufWriter().Text(OnnxFields.EntryKey, key).Text(OnnxFields.EntryValue, value));
        return tensor.Number(OnnxFields.TensorDataLocation, 1);
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>Before version 4 every initializer is an input too.</summary>
    private static byte[] Input(TensorSpec tensor)
    {
        ProtobufWriter shape = new();
        foreach (long size in tensor.Shape)
            shape.Message(OnnxFields.ShapeDimension, new ProtobufWriter().Number(OnnxFields.DimensionValue, size));
        ProtobufWriter type = new ProtobufWriter().Number(OnnxFields.TensorTypeElement, ElementType(tensor.DType)).Message(OnnxFields.TensorTypeShape, shape);
        ProtobufWriter value = new ProtobufWriter().Text(OnnxFields.ValueName, tensor.Name).Message(OnnxFields.ValueType, new ProtobufWriter().Message(OnnxFields.TypeTensor, type));
        return new ProtobufWriter().Message(OnnxFields.GraphInput, value).ToArray();
    }

    private string Name(MessageSpan value) =>
        OnnxField.Of(_reader, value).LastOrDefault(f => f.Number == OnnxFields.ValueName) is { Number: OnnxFields.ValueName } name ? System.Text.Encoding.UTF8.GetString(_reader.ReadBytes(name.Content)) : "";

    private static int ElementType(TensorDType dtype) => dtype switch
    {
        TensorDType.F32 => OnnxElementType.Float,
        TensorDType.F16 => OnnxElementType.Half,
        TensorDType.BF16 => OnnxElementType.BFloat,
        TensorDType.F64 => OnnxElementType.Double,
        TensorDType.I8 => OnnxElementType.Int8,
        _ => throw new ModelFormatException(FormatErrors.DTypeUnsupported, $"Factors of a graph are floats or int8, not {dtype}."),
    };
}
