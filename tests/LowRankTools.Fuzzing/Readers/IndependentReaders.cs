using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using LowRankTools.Fuzzing.Inputs;

namespace LowRankTools.Fuzzing.Readers;

/// <summary>
/// Second readers, written from the formats' descriptions and without a look at the first: as lenient as a format
/// lets them be, so that both accept as much as possible.
/// </summary>
internal static class IndependentReaders
{
    /// <summary>What the file holds; null where there is no such reader or it refuses the file.</summary>
    public static IReadOnlyList<ListedTensor>? List(FuzzInput input)
    {
        try
        {
            return input.Kind switch
            {
                FileKind.Safetensors => Safetensors(input.EntryBytes),
                FileKind.Gguf => Gguf(input.EntryBytes),
                FileKind.Json when input.Entry == "model.json" => TensorFlowJs(input.EntryBytes),
                _ => null,
            };
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException or FormatException or OverflowException or EndOfStreamException or NullReferenceException)
        {
            return null;
        }
    }

    private static List<ListedTensor> Safetensors(byte[] bytes)
    {
        int length = checked((int)BitConverter.ToUInt64(bytes, 0));
        using JsonDocument header = JsonDocument.Parse(bytes.AsMemory(8, length));
        // Of keys that stand twice the last one counts, as it does in most languages.
        Dictionary<string, ListedTensor> tensors = [];
        foreach (JsonProperty p in header.RootElement.EnumerateObject().Where(p => p.Name != "__metadata__"))
            tensors[p.Name] = new ListedTensor(p.Name, [.. p.Value.GetProperty("shape").EnumerateArray().Select(s => s.GetInt64())]);
        return [.. tensors.Values];
    }

    private static List<ListedTensor> TensorFlowJs(byte[] bytes)
    {
        JsonNode root = JsonNode.Parse(bytes.AsSpan().StartsWith("\uFEFF"u8) ? bytes.AsSpan(3) : bytes)!;
        return [.. root["weightsManifest"]!.AsArray().SelectMany(g => g!["weights"]!.AsArray())
            .Where(w => (string?)w!["dtype"] != "string")
            .Select(w => new ListedTensor((string)w!["name"]!, [.. w["shape"]!.AsArray().Select(s => (long)s!)]))];
    }

    private static List<ListedTensor> Gguf(byte[] bytes)
    {
        using BinaryReader reader = new(new MemoryStream(bytes));
        reader.ReadUInt64();
        ulong tensors = reader.ReadUInt64(), keys = reader.ReadUInt64();
        for (ulong i = 0; i < keys; i++)
        {
            Text(reader);
            Value(reader, reader.ReadUInt32());
        }
        List<ListedTensor> listed = [];
        for (ulong i = 0; i < tensors; i++)
        {
            string name = Text(reader);
            long[] shape = new long[checked((int)Math.Min(reader.ReadUInt32(), 64))];
            for (int d = shape.Length - 1; d >= 0; d--)
                shape[d] = reader.ReadInt64();
            reader.ReadUInt32();
            reader.ReadUInt64();
            listed.Add(new ListedTensor(name, shape));
        }
        return listed;
    }

    private static string Text(BinaryReader reader)
    {
        ulong length = reader.ReadUInt64();
        byte[] text = length <= (ulong)reader.BaseStream.Length ? reader.ReadBytes((int)length) : throw new EndOfStreamException();
        return text.Length == (int)length ? Encoding.UTF8.GetString(text) : throw new EndOfStreamException();
    }

    private static void Value(BinaryReader reader, uint type)
    {
        switch (type)
        {
            case 0 or 1 or 7:
                reader.ReadByte();
                break;
            case 2 or 3:
                reader.ReadUInt16();
                break;
            case 4 or 5 or 6:
                reader.ReadUInt32();
                break;
            case 8:
                Text(reader);
                break;
            case 9:
                uint element = reader.ReadUInt32();
                ulong count = reader.ReadUInt64();
                for (ulong i = 0; i < count; i++)
                    Value(reader, element);
                break;
            case 10 or 11 or 12:
                reader.ReadUInt64();
                break;
            default:
                throw new FormatException();
        }
    }
}
