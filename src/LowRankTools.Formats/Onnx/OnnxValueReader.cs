namespace LowRankTools.Formats.Onnx;

/// <summary>Reads <c>ValueInfoProto</c>: a value's name, and of a tensor its type and sizes.</summary>
internal sealed class OnnxValueReader(ProtobufReader reader)
{
    /// <summary>Reads a value. Types that are no tensors, and shapes that make no sense, are passed over.</summary>
    public OnnxInput Read(MessageSpan span)
    {
        reader.CountItem();
        string name = "";
        MessageSpan? type = null;
        reader.Position = span.Start;
        while (reader.TryReadTag(span.End, out int field, out WireType wire))
        {
            if (field == OnnxFields.ValueName)
                name = reader.ReadText(span.End, wire);
            else if (field == OnnxFields.ValueType && wire == WireType.Bytes)
                type = reader.ReadSpan(span.End, wire);
            else
                reader.Skip(span.End, wire);
        }
        if (Inside(type, OnnxFields.TypeTensor) is not { } tensor)
            return new OnnxInput(name, null, null);
        long? element = null;
        MessageSpan? shape = null;
        reader.Position = tensor.Start;
        while (reader.TryReadTag(tensor.End, out int field, out WireType wire))
        {
            if (field == OnnxFields.TensorTypeElement && wire == WireType.Varint)
                element = reader.ReadInt64(tensor.End, wire);
            else if (field == OnnxFields.TensorTypeShape && wire == WireType.Bytes)
                shape = reader.ReadSpan(tensor.End, wire);
            else
                reader.Skip(tensor.End, wire);
        }
        return new OnnxInput(name, OnnxElementType.TryToDType(element), shape is { } sizes ? Sizes(sizes) : null);
    }

    private List<long?> Sizes(MessageSpan shape)
    {
        List<MessageSpan> dimensions = [];
        reader.Position = shape.Start;
        while (reader.TryReadTag(shape.End, out int field, out WireType wire))
        {
            if (field == OnnxFields.ShapeDimension && wire == WireType.Bytes)
            {
                reader.CountItem();
                dimensions.Add(reader.ReadSpan(shape.End, wire));
            }
            else
                reader.Skip(shape.End, wire);
        }
        return [.. dimensions.Select(Size)];
    }

    // A size that has a name, or none, is open.
    private long? Size(MessageSpan dimension)
    {
        long? size = null;
        reader.Position = dimension.Start;
        while (reader.TryReadTag(dimension.End, out int field, out WireType wire))
        {
            if (field == OnnxFields.DimensionValue && wire == WireType.Varint)
                size = reader.ReadInt64(dimension.End, wire);
            else
                reader.Skip(dimension.End, wire);
        }
        return size;
    }

    private MessageSpan? Inside(MessageSpan? outer, int wanted)
    {
        if (outer is not { } span)
            return null;
        MessageSpan? found = null;
        reader.Position = span.Start;
        while (reader.TryReadTag(span.End, out int field, out WireType wire))
        {
            if (field == wanted && wire == WireType.Bytes)
                found = reader.ReadSpan(span.End, wire);
            else
                reader.Skip(span.End, wire);
        }
        return found;
    }
}
