using System.Collections.Immutable;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Onnx;

/// <summary>Reads <c>TensorProto</c> messages, passing over their values.</summary>
internal static class OnnxTensorReader
{
    private const string ExternalLocation = "location";

    /// <summary>Reads one tensor.</summary>
    public static OnnxTensor Read(ProtobufReader reader, MessageSpan span, bool isBuffer = false)
    {
        reader.CountItem(OnnxLimits.ObjectWeight);
        OnnxTensor tensor = new() { Position = span.Start, IsBuffer = isBuffer };
        ImmutableArray<long>.Builder dims = ImmutableArray.CreateBuilder<long>(4);
        bool external = false;
        reader.Position = span.Start;
        while (reader.TryReadTag(span.End, out int field, out WireType type))
        {
            switch (field)
            {
                case OnnxFields.TensorDims:
                    ReadDims(reader, span.End, type, dims);
                    break;
                case OnnxFields.TensorDataType:
                    tensor.DataType = (int)reader.ReadInt64(span.End, type);
                    break;
                case OnnxFields.TensorName:
                    tensor.Name = reader.ReadText(span.End, type);
                    break;
                case OnnxFields.TensorRawData:
                    tensor.Raw = reader.ReadSpan(span.End, type);
                    break;
                case OnnxFields.TensorFloatData or OnnxFields.TensorInt32Data or OnnxFields.TensorInt64Data
                    or OnnxFields.TensorDoubleData or OnnxFields.TensorUInt64Data:
                    ReadNumbers(reader, span.End, type, tensor, field);
                    break;
                case OnnxFields.TensorExternalData:
                    ReadExternal(reader, reader.ReadSpan(span.End, type), tensor);
                    break;
                case OnnxFields.TensorDataLocation:
                    external = reader.ReadInt64(span.End, type) == 1;
                    break;
                default:
                    reader.Skip(span.End, type);
                    break;
            }
        }
        tensor.Dims = dims.ToImmutable();
        if (!external)
            tensor.External = null;
        else if (tensor.External?.ContainsKey(ExternalLocation) != true)
            throw reader.Invalid($"tensor '{tensor.Name}' lies in another file, but in none that is named");
        return tensor;
    }

    /// <summary>Reads a <c>SparseTensorProto</c>: the values that are not zero, and where they belong.</summary>
    public static IEnumerable<OnnxTensor> ReadSparse(ProtobufReader reader, MessageSpan span)
    {
        OnnxTensor? values = null;
        OnnxTensor? indices = null;
        reader.Position = span.Start;
        while (reader.TryReadTag(span.End, out int field, out WireType type))
        {
            if (field is not (OnnxFields.SparseValues or OnnxFields.SparseIndices))
            {
                reader.Skip(span.End, type);
                continue;
            }
            MessageSpan part = field == OnnxFields.SparseValues
                ? reader.ReadSingle(values, span.End, type, "the values of a sparse tensor")
                : reader.ReadSingle(indices, span.End, type, "the indices of a sparse tensor");
            if (field == OnnxFields.SparseValues)
                values = Read(reader, part);
            else
                indices = Read(reader, part, isBuffer: true);
            reader.Position = part.End;
        }
        if (values is null)
            throw reader.Invalid("a sparse tensor has no values");
        yield return values;
        if (indices is null)
            yield break;
        indices.Name = values.Name + ".indices";
        yield return indices;
    }

    /// <summary>Wire type of one number of a typed field.</summary>
    public static WireType SingleType(int field) => field switch
    {
        OnnxFields.TensorFloatData => WireType.Fixed32,
        OnnxFields.TensorDoubleData => WireType.Fixed64,
        _ => WireType.Varint,
    };

    private static void ReadNumbers(ProtobufReader reader, long end, WireType type, OnnxTensor tensor, int field)
    {
        if (!tensor.Typed.TryGetValue(field, out RepeatedNumbers? numbers))
            tensor.Typed[field] = numbers = new RepeatedNumbers();
        numbers.Add(reader, end, type, SingleType(field));
    }

    private static void ReadDims(ProtobufReader reader, long end, WireType type, ImmutableArray<long>.Builder dims)
    {
        if (type != WireType.Bytes)
        {
            AddDim(reader, dims, reader.ReadInt64(end, type));
            return;
        }
        MessageSpan packed = reader.ReadSpan(end, type);
        reader.Position = packed.Start;
        while (reader.Position < packed.End)
            AddDim(reader, dims, (long)reader.ReadVarint(packed.End));
    }

    private static void AddDim(ProtobufReader reader, ImmutableArray<long>.Builder dims, long size)
    {
        if (dims.Count == TensorShape.MaxDimensions)
            throw reader.Invalid($"a tensor has more than {TensorShape.MaxDimensions} dimensions");
        dims.Add(size);
    }

    private static void ReadExternal(ProtobufReader reader, MessageSpan span, OnnxTensor tensor)
    {
        (string key, string value) = ReadEntry(reader, span);
        tensor.External ??= new Dictionary<string, string>(StringComparer.Ordinal);
        tensor.External[key] = value;
    }

    /// <summary>Reads a <c>StringStringEntryProto</c> and stands after it.</summary>
    public static (string Key, string Value) ReadEntry(ProtobufReader reader, MessageSpan span, int mostBytes = OnnxLimits.NameBytes)
    {
        string key = "";
        string value = "";
        reader.CountItem();
        reader.Position = span.Start;
        while (reader.TryReadTag(span.End, out int field, out WireType type))
        {
            if (field == OnnxFields.EntryKey)
                key = reader.ReadText(span.End, type);
            else if (field == OnnxFields.EntryValue)
                value = reader.ReadText(span.End, type, mostBytes);
            else
                reader.Skip(span.End, type);
        }
        return (key, value);
    }
}
