namespace LowRankTools.Formats.Onnx;

/// <summary>A field of a message as it stands in the file.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Whole">Where it lies, tag included.</param>
/// <param name="Content">Its bytes without tag and length; of a number, the number.</param>
internal readonly record struct OnnxField(int Number, MessageSpan Whole, MessageSpan Content)
{
    /// <summary>The fields of a message, in the order of the file.</summary>
    public static List<OnnxField> Of(ProtobufReader reader, MessageSpan message)
    {
        List<OnnxField> fields = [];
        reader.Position = message.Start;
        for (long start = message.Start; reader.TryReadTag(message.End, out int number, out WireType type); start = reader.Position)
        {
            MessageSpan content = new(reader.Position, reader.Position);
            if (type == WireType.Bytes)
                content = reader.ReadSpan(message.End, type);
            else
                reader.Skip(message.End, type);
            fields.Add(new OnnxField(number, new MessageSpan(start, reader.Position), content with { End = reader.Position }));
        }
        return fields;
    }
}
