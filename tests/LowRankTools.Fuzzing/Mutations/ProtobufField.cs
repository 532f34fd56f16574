namespace LowRankTools.Fuzzing.Mutations;

/// <summary>A field of a protobuf message; messages of the ONNX schema are taken apart into their own fields.</summary>
internal sealed class ProtobufField
{
    /// <summary>Which fields of which message are messages.</summary>
    private static readonly Dictionary<(string, int), string> s_messages = new()
    {
        [("Model", 7)] = "Graph", [("Model", 8)] = "Opset", [("Model", 14)] = "Entry", [("Model", 25)] = "Function",
        [("Graph", 1)] = "Node", [("Graph", 5)] = "Tensor", [("Graph", 11)] = "Value", [("Graph", 15)] = "Sparse",
        [("Node", 5)] = "Attribute", [("Function", 7)] = "Node",
        [("Attribute", 5)] = "Tensor", [("Attribute", 6)] = "Graph", [("Attribute", 11)] = "Graph", [("Attribute", 22)] = "Sparse",
        [("Tensor", 13)] = "Entry", [("Sparse", 1)] = "Tensor", [("Sparse", 2)] = "Tensor",
    };

    public int Number { get; set; }

    public int Wire { get; set; }

    public ulong Value { get; set; }

    public byte[] Bytes { get; set; } = [];

    /// <summary>Kind of the message that it is; empty for other fields.</summary>
    public string Message { get; init; } = "";

    public List<ProtobufField> Children { get; private init; } = [];

    /// <summary>A length that is written in place of the true one.</summary>
    public ulong? Lie { get; set; }

    /// <summary>The whole file as one field; null where it is no protobuf.</summary>
    public static ProtobufField? Read(byte[] bytes) => Fields(bytes, "Model") is { } fields ? new ProtobufField { Message = "Model", Children = fields } : null;

    /// <summary>A field and all fields in it, itself first.</summary>
    public IEnumerable<ProtobufField> All() => Children.SelectMany(c => c.All()).Prepend(this);

    public ProtobufField Copy() => new()
    {
        Number = Number, Wire = Wire, Value = Value, Bytes = Bytes, Message = Message, Lie = Lie, Children = [.. Children.Select(c => c.Copy())],
    };

    /// <summary>A graph inside as many If nodes.</summary>
    public static ProtobufField Nest(ProtobufField graph, int depth)
    {
        for (int i = 0; i < depth; i++)
        {
            ProtobufField attribute = new() { Number = 5, Wire = 2, Message = "Attribute", Children = [new() { Number = 1, Wire = 2, Bytes = "then_branch"u8.ToArray() }, graph.As(6)] };
            ProtobufField node = new() { Number = 1, Wire = 2, Message = "Node", Children = [new() { Number = 4, Wire = 2, Bytes = "If"u8.ToArray() }, attribute] };
            graph = new() { Number = graph.Number, Wire = 2, Message = "Graph", Children = [node] };
        }
        return graph.As(7);
    }

    /// <summary>The bytes of the message that this is.</summary>
    public byte[] Content()
    {
        if (Message.Length == 0)
            return Bytes;
        List<byte> bytes = [];
        foreach (ProtobufField child in Children)
            child.Write(bytes);
        return [.. bytes];
    }

    private ProtobufField As(int number) => new() { Number = number, Wire = 2, Message = Message, Children = Children };

    private void Write(List<byte> bytes)
    {
        Varint(bytes, ((ulong)Number << 3) | (uint)Wire);
        if (Wire == 0)
            Varint(bytes, Value);
        else if (Wire is 1 or 5)
            bytes.AddRange(BitConverter.GetBytes(Value)[..(Wire == 1 ? 8 : 4)]);
        else if (Wire == 2)
        {
            byte[] content = Content();
            Varint(bytes, Lie ?? (ulong)content.Length);
            bytes.AddRange(content);
        }
    }

    private static void Varint(List<byte> bytes, ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            bytes.Add((byte)(value | 0x80));
        bytes.Add((byte)value);
    }

    private static List<ProtobufField>? Fields(ReadOnlySpan<byte> bytes, string message)
    {
        List<ProtobufField> fields = [];
        while (bytes.Length > 0)
        {
            if (Varint(ref bytes) is not { } tag || tag >> 3 is 0 or > int.MaxValue)
                return null;
            int number = (int)(tag >> 3), wire = (int)(tag & 7);
            if (wire == 0 && Varint(ref bytes) is { } value)
                fields.Add(new ProtobufField { Number = number, Value = value });
            else if (wire is 1 or 5 && bytes.Length >= (wire == 1 ? 8 : 4))
            {
                fields.Add(new ProtobufField { Number = number, Wire = wire, Value = wire == 1 ? BitConverter.ToUInt64(bytes) : BitConverter.ToUInt32(bytes) });
                bytes = bytes[(wire == 1 ? 8 : 4)..];
            }
            else if (wire == 2 && Varint(ref bytes) is { } length && length <= (ulong)bytes.Length)
            {
                ReadOnlySpan<byte> content = bytes[..(int)length];
                bytes = bytes[(int)length..];
                string inner = s_messages.GetValueOrDefault((message, number), "");
                List<ProtobufField>? children = inner.Length > 0 ? Fields(content, inner) : null;
                fields.Add(children is null ? new ProtobufField { Number = number, Wire = 2, Bytes = content.ToArray() } : new ProtobufField { Number = number, Wire = 2, Message = inner, Children = children });
            }
            else
                return null;
        }
        return fields;
    }

    private static ulong? Varint(ref ReadOnlySpan<byte> bytes)
    {
        ulong value = 0;
        for (int i = 0; i < Math.Min(10, bytes.Length); i++)
        {
            value |= (ulong)(bytes[i] & 0x7F) << (7 * i);
            if (bytes[i] < 0x80)
            {
                bytes = bytes[(i + 1)..];
                return value;
            }
        }
        return null;
    }
}
