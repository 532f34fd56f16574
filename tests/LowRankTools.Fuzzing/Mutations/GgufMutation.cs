namespace LowRankTools.Fuzzing.Mutations;

/// <summary>Damages the fields of a GGUF header: counts, lengths, types, sizes, offsets; repeats and exchanges its entries.</summary>
internal static class GgufMutation
{
    private const int FixedHeader = 24;

    /// <summary>A number of the header.</summary>
    private readonly record struct Field(string Name, int At, int Width);

    /// <summary>A key-value or a tensor's description.</summary>
    private readonly record struct Entry(int Start, int End, bool IsTensor);

    public static byte[]? Apply(Random random, byte[] bytes, byte[] other, out string step)
    {
        step = "";
        List<Field> fields = [];
        List<Entry> entries = [];
        if (!Walk(bytes, fields, entries) || entries.Count == 0)
            return null;
        if (random.Next(3) > 0)
        {
            Field field = random.Pick(fields);
            byte[] copy = [.. bytes];
            ulong was = Choices.Get(bytes, field.At, field.Width), now = field.Name == "type" && random.Next(2) == 0 ? (ulong)random.Next(44) : random.Boundary(was, bytes.Length);
            Choices.Put(copy, field.At, field.Width, now);
            step = $"{field.Name} {was} at {field.At} made {now}";
            return copy;
        }
        List<Entry> others = [];
        byte[] donor = Walk(other, [], others) && others.Count > 0 ? other : bytes;
        Entry into = random.Pick(entries), taken = random.Pick(donor == bytes ? entries : others);
        bool replace = random.Next(2) == 0;
        step = $"entry at {taken.Start} of {(donor == bytes ? "this" : "another")} file put {(replace ? "over" : "before")} the one at {into.Start}";
        byte[] changed = [.. bytes[..into.Start], .. donor[taken.Start..taken.End], .. bytes[(replace ? into.End : into.Start)..]];
        if (!replace && random.Next(4) > 0)
        {
            int counter = taken.IsTensor ? 8 : 16;
            Choices.Put(changed, counter, 8, Choices.Get(changed, counter, 8) + 1);
        }
        return changed;
    }

    /// <summary>Lists what a whole header consists of; false where it is damaged.</summary>
    private static bool Walk(byte[] bytes, List<Field> fields, List<Entry> entries)
    {
        if (bytes.Length < FixedHeader)
            return false;
        fields.AddRange([new("version", 4, 4), new("tensor count", 8, 8), new("key count", 16, 8)]);
        ulong tensors = Choices.Get(bytes, 8, 8), keys = Choices.Get(bytes, 16, 8);
        int at = FixedHeader;
        for (ulong i = 0; i < keys && at >= 0; i++)
        {
            int start = at;
            at = Text(bytes, at, fields);
            if (at >= 0)
                at = Value(bytes, at, fields);
            entries.Add(new Entry(start, at, IsTensor: false));
        }
        for (ulong i = 0; i < tensors && at >= 0; i++)
        {
            int start = at;
            at = Text(bytes, at, fields);
            if (at < 0 || at + 4 > bytes.Length)
                return false;
            ulong dimensions = Choices.Get(bytes, at, 4);
            fields.Add(new("dimensions", at, 4));
            at += 4;
            for (ulong d = 0; d < dimensions && at < bytes.Length; d++, at += 8)
                fields.Add(new("size", at, 8));
            fields.AddRange([new("type", at, 4), new("offset", at + 4, 8)]);
            at += 12;
            if (at > bytes.Length)
                return false;
            entries.Add(new Entry(start, at, IsTensor: true));
        }
        return at >= 0 && entries.TrueForAll(e => e.End > e.Start);
    }

    private static int Text(byte[] bytes, int at, List<Field> fields)
    {
        ulong length = Choices.Get(bytes, at, 8);
        fields.Add(new("text length", at, 8));
        return at + 8 > bytes.Length || length > (ulong)(bytes.Length - at - 8) ? -1 : at + 8 + (int)length;
    }

    private static int Value(byte[] bytes, int at, List<Field> fields)
    {
        ulong type = Choices.Get(bytes, at, 4);
        fields.Add(new("value type", at, 4));
        return type == 9 ? Array(bytes, at + 4, fields) : One(bytes, at + 4, type, fields);
    }

    private static int One(byte[] bytes, int at, ulong type, List<Field> fields)
    {
        if (type == 8)
            return Text(bytes, at, fields);
        int width = type switch { 0 or 1 or 7 => 1, 2 or 3 => 2, 4 or 5 or 6 => 4, 10 or 11 or 12 => 8, _ => 0 };
        fields.Add(new("value", at, width));
        return width == 0 || at + width > bytes.Length ? -1 : at + width;
    }

    private static int Array(byte[] bytes, int at, List<Field> fields)
    {
        ulong type = Choices.Get(bytes, at, 4), count = Choices.Get(bytes, at + 4, 8);
        fields.AddRange([new("value type", at, 4), new("array count", at + 4, 8)]);
        at += 12;
        for (ulong i = 0; i < count && at >= 0; i++)
            at = type == 9 ? Array(bytes, at, fields) : One(bytes, at, type, fields);
        return at;
    }
}
