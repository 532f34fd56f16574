using System.Text;

namespace LowRankTools.Fuzzing.Mutations;

/// <summary>Damages an ONNX model a field at a time; the lengths around what was changed are put right again.</summary>
internal static class ProtobufMutation
{
    public static byte[]? Apply(Random random, byte[] bytes, byte[] other, out string step)
    {
        step = "";
        if (ProtobufField.Read(bytes) is not { } model)
            return null;
        ProtobufField[] messages = [.. model.All().Where(f => f.Children.Count > 0)];
        if (messages.Length == 0)
            return null;
        ProtobufField message = random.Pick(messages);
        int at = random.Next(message.Children.Count);
        ProtobufField field = message.Children[at];
        string what = $"{message.Message}.{field.Number}";
        switch (random.Next(9))
        {
            case 0:
                step = $"{what} gone";
                message.Children.RemoveAt(at);
                break;
            case 1:
                step = $"{what} twice";
                message.Children.Insert(random.Next(message.Children.Count + 1), field.Copy());
                break;
            case 2:
                step = Number(random, field, what, bytes.Length);
                break;
            case 3:
                field.Number = random.Next(4) == 0 ? random.Pick([19_000, 536_870_911, 16, 2048]) : random.Next(1, 26);
                step = $"{what} made field {field.Number}";
                break;
            case 4:
                field.Wire = random.Next(8);
                step = $"{what} made wire type {field.Wire}";
                break;
            case 5:
                step = Splice(random, model, message, other);
                break;
            case 6:
                step = Nest(random, model);
                break;
            case 7 when field is { Wire: 2, Message: "" }:
                string text = random.Pick(Choices.Names);
                step = $"{what} made '{text}'";
                field.Bytes = random.Next(8) == 0 ? [0xFF, 0xC0, 0x80] : Encoding.UTF8.GetBytes(text);
                break;
            default:
                ProtobufField with = random.Pick(message.Children);
                step = $"content of {what} exchanged with that of field {with.Number}";
                (field.Bytes, with.Bytes, field.Value, with.Value) = (with.Bytes, field.Bytes, with.Value, field.Value);
                break;
        }
        return model.Content();
    }

    /// <summary>Puts another text in place of one, wherever it is a whole field.</summary>
    public static byte[] ReplaceText(byte[] bytes, string was, string now)
    {
        if (ProtobufField.Read(bytes) is not { } model)
            return bytes;
        byte[] text = Encoding.UTF8.GetBytes(was);
        foreach (ProtobufField field in model.All().Where(f => f.Message.Length == 0 && f.Bytes.AsSpan().SequenceEqual(text)))
            field.Bytes = Encoding.UTF8.GetBytes(now);
        return model.Content();
    }

    private static string Number(Random random, ProtobufField field, string what, int length)
    {
        if (field.Wire == 2)
        {
            field.Lie = random.Boundary((ulong)field.Content().Length, length);
            return $"length of {what} made {field.Lie}";
        }
        ulong was = field.Value;
        field.Value = random.Boundary(was, length);
        return $"{what} {was} made {field.Value}";
    }

    private static string Splice(Random random, ProtobufField model, ProtobufField message, byte[] other)
    {
        ProtobufField[] donors = [.. (ProtobufField.Read(other) ?? model).All().Where(f => f.Message == message.Message && f.Children.Count > 0)];
        if (donors.Length == 0)
            donors = [message];
        ProtobufField taken = random.Pick(random.Pick(donors).Children).Copy();
        message.Children.Insert(random.Next(message.Children.Count + 1), taken);
        return $"{message.Message}.{taken.Number} of another file put in";
    }

    private static string Nest(Random random, ProtobufField model)
    {
        int depth = random.Pick([1, 2, 10, 63, 64, 65, 100, 300]);
        int at = model.Children.FindIndex(c => c.Message == "Graph");
        if (at >= 0)
            model.Children[at] = ProtobufField.Nest(model.Children[at], depth);
        return $"graph inside {depth} others";
    }
}
