using System.Buffers.Binary;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Onnx;

/// <summary>One <c>AttributeProto</c>: its numbers, and where its larger parts lie.</summary>
internal sealed class OnnxAttribute
{
    private readonly MessageSpan _span;
    private readonly RepeatedNumbers _floats = new();
    private readonly RepeatedNumbers _ints = new();
    private RepeatedNumbers _float = new();
    private RepeatedNumbers _int = new();
    private MessageSpan? _graph;
    private MessageSpan? _tensor;
    private MessageSpan? _sparse;

    private OnnxAttribute(MessageSpan span) => _span = span;

    public string Name { get; private set; } = "";

    public long Int { get; private set; }

    public List<MessageSpan> Graphs { get; } = [];

    /// <summary>Reads an attribute.</summary>
    public static OnnxAttribute Read(ProtobufReader reader, MessageSpan span)
    {
        OnnxAttribute attribute = new(span);
        reader.Position = span.Start;
        while (reader.TryReadTag(span.End, out int field, out WireType type))
            attribute.ReadField(reader, span.End, field, type);
        return attribute;
    }

    /// <summary>The integers of <c>ints</c>; none where there are more than axes that a tensor can have.</summary>
    public long[]? ReadInts(ProtobufReader reader)
    {
        ITensorSource encoded = _ints.Encoded(reader.File);
        long count = VarintRegion.Count(encoded, _ints.Length);
        if (count > TensorShape.MaxDimensions)
            return null;
        VarintRegion ints = new(encoded, _ints.Length, count, sizeof(long), Name);
        long[] values = new long[count];
        byte[] number = new byte[sizeof(long)];
        for (int i = 0; i < values.Length; i++)
        {
            ints.Read(i * sizeof(long), number);
            values[i] = BinaryPrimitives.ReadInt64LittleEndian(number);
        }
        return values;
    }

    /// <summary>The number of <c>f</c>; zero where there is none.</summary>
    public float ReadSingle(ProtobufReader reader)
    {
        byte[] number = new byte[sizeof(float)];
        if (_float.Length == number.Length)
            _float.Encoded(reader.File).Read(0, number);
        return BinaryPrimitives.ReadSingleLittleEndian(number);
    }

    /// <summary>What a Constant node holds in this attribute.</summary>
    public IEnumerable<OnnxTensor> ReadConstant(ProtobufReader reader) => Name switch
    {
        "value" when _tensor is { } tensor => [OnnxTensorReader.Read(reader, tensor)],
        "sparse_value" when _sparse is { } sparse => OnnxTensorReader.ReadSparse(reader, sparse),
        "value_float" when _float.Length > 0 => [OnnxTensor.FromNumbers(_span.Start, isFloat: true, _float, [])],
        "value_int" when _int.Length > 0 => [OnnxTensor.FromNumbers(_span.Start, isFloat: false, _int, [])],
        "value_floats" => [OnnxTensor.FromNumbers(_span.Start, isFloat: true, _floats, [_floats.Length / sizeof(float)])],
        "value_ints" => [OnnxTensor.FromNumbers(_span.Start, isFloat: false, _ints, [VarintRegion.Count(_ints.Encoded(reader.File), _ints.Length)])],
        _ => [],
    };

    private void ReadField(ProtobufReader reader, long end, int field, WireType type)
    {
        switch (field)
        {
            case OnnxFields.AttributeName:
                Name = reader.ReadText(end, type);
                break;
            case OnnxFields.AttributeFloat:
                // Of a number that stands twice the last counts, as everywhere in protobuf.
                _float = new RepeatedNumbers();
                _float.Add(reader, end, type, WireType.Fixed32);
                break;
            case OnnxFields.AttributeInt:
                long start = reader.Position;
                Int = reader.ReadInt64(end, type);
                reader.Position = start;
                _int = new RepeatedNumbers();
                _int.Add(reader, end, type, WireType.Varint);
                break;
            case OnnxFields.AttributeFloats:
                _floats.Add(reader, end, type, WireType.Fixed32);
                break;
            case OnnxFields.AttributeInts:
                _ints.Add(reader, end, type, WireType.Varint);
                break;
            case OnnxFields.AttributeTensor:
                _tensor = reader.ReadSingle(_tensor, end, type, "the tensor of an attribute");
                break;
            case OnnxFields.AttributeSparseTensor:
                _sparse = reader.ReadSingle(_sparse, end, type, "the sparse tensor of an attribute");
                break;
            case OnnxFields.AttributeGraph:
                reader.CountItem();
                _graph = reader.ReadSingle(_graph, end, type, "the graph of an attribute");
                Graphs.Add(_graph.Value);
                break;
            case OnnxFields.AttributeGraphs:
                reader.CountItem();
                Graphs.Add(reader.ReadSpan(end, type));
                break;
            default:
                reader.Skip(end, type);
                break;
        }
    }
}
