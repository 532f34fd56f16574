using System.Buffers.Binary;
using System.Text;

namespace LowRankTools.Fuzzing.Mutations;

/// <summary>An archive taken apart and put together again, true or with fields that lie.</summary>
internal sealed class ZipParts
{
    private const int LocalBytes = 30, CentralBytes = 46;

    public sealed record Record(string Name, byte[] Data);

    /// <summary>The number that a field will have, by the field's name and what it would be.</summary>
    public delegate ulong Field(string name, ulong value);

    private ZipParts(List<Record> records) => Records = records;

    public List<Record> Records { get; }

    /// <summary>Whether lengths and offsets stand in 64-bit fields.</summary>
    public bool Wide { get; set; }

    /// <summary>The records of an archive of plainly stored ones that is whole; null for any other.</summary>
    public static ZipParts? Read(byte[] bytes)
    {
        List<Record> records = [];
        int at = 0;
        while (at + LocalBytes <= bytes.Length && Choices.Get(bytes, at, 4) == 0x04034B50)
        {
            int size = (int)Choices.Get(bytes, at + 18, 4), name = (int)Choices.Get(bytes, at + 26, 2);
            int start = at + LocalBytes + name + (int)Choices.Get(bytes, at + 28, 2);
            if (size < 0 || start > bytes.Length || size > bytes.Length - start)
                return null;
            records.Add(new Record(Encoding.UTF8.GetString(bytes, at + LocalBytes, name), bytes[start..(start + size)]));
            at = start + size;
        }
        return records.Count > 0 && Choices.Get(bytes, at, 4) == 0x02014B50 ? new ZipParts(records) : null;
    }

    /// <summary>The archive; <paramref name="lie"/> sees every number that is written and may change it.</summary>
    public byte[] ToArray(Field? lie = null)
    {
        lie ??= static (_, value) => value;
        List<byte> file = [];
        List<int> offsets = [];
        foreach (Record r in Records)
        {
            offsets.Add(file.Count);
            byte[] name = Encoding.UTF8.GetBytes(r.Name);
            Put(file, lie, ("local signature", 4, 0x04034B50), ("local version", 2, 20), ("local flags", 2, 0), ("local method", 2, 0), ("local time", 4, 0));
            Put(file, lie, ("local checksum", 4, Crc(r.Data)), ("local packed size", 4, (ulong)r.Data.Length), ("local size", 4, (ulong)r.Data.Length));
            Put(file, lie, ("local name length", 2, (ulong)name.Length), ("local extra length", 2, 0));
            file.AddRange(name);
            file.AddRange(r.Data);
        }
        int start = file.Count;
        for (int i = 0; i < Records.Count; i++)
            Central(file, Records[i], offsets[i], lie);
        End(file, start, lie);
        return [.. file];
    }

    private void Central(List<byte> file, Record r, int offset, Field lie)
    {
        byte[] name = Encoding.UTF8.GetBytes(r.Name);
        ulong size = (ulong)r.Data.Length;
        Put(file, lie, ("signature", 4, 0x02014B50), ("made by", 2, 20), ("version", 2, 20), ("flags", 2, 0), ("method", 2, 0), ("time", 4, 0));
        Put(file, lie, ("checksum", 4, Crc(r.Data)), ("packed size", 4, Wide ? uint.MaxValue : size), ("size", 4, Wide ? uint.MaxValue : size));
        Put(file, lie, ("name length", 2, (ulong)name.Length), ("extra length", 2, Wide ? 28UL : 0), ("comment length", 2, 0), ("disk", 2, 0));
        Put(file, lie, ("attributes", 2, 0), ("more attributes", 4, 0), ("offset", 4, Wide ? uint.MaxValue : (ulong)offset));
        file.AddRange(name);
        if (Wide)
            Put(file, lie, ("extra id", 2, 1), ("extra size", 2, 24), ("wide size", 8, size), ("wide packed size", 8, size), ("wide offset", 8, (ulong)offset));
    }

    private void End(List<byte> file, int start, Field lie)
    {
        ulong bytes = (ulong)(file.Count - start), count = (ulong)Records.Count, at = (ulong)file.Count;
        if (Wide)
        {
            Put(file, lie, ("wide end signature", 4, 0x06064B50), ("wide end size", 8, 44), ("wide end version", 4, 45 | (45 << 16)), ("wide end disks", 8, 0));
            Put(file, lie, ("wide count here", 8, count), ("wide count", 8, count), ("wide directory size", 8, bytes), ("wide directory offset", 8, (ulong)start));
            Put(file, lie, ("locator signature", 4, 0x07064B50), ("locator disk", 4, 0), ("locator offset", 8, at), ("locator disks", 4, 1));
        }
        ulong shortCount = Wide ? 0xFFFF : count;
        Put(file, lie, ("end signature", 4, 0x06054B50), ("end disks", 4, 0), ("count here", 2, shortCount), ("count", 2, shortCount));
        Put(file, lie, ("directory size", 4, Wide ? uint.MaxValue : bytes), ("directory offset", 4, Wide ? uint.MaxValue : (ulong)start), ("end comment length", 2, 0));
    }

    private static void Put(List<byte> file, Field lie, params (string Name, int Width, ulong Value)[] fields)
    {
        Span<byte> number = stackalloc byte[sizeof(ulong)];
        foreach ((string name, int width, ulong value) in fields)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(number, lie(name, value));
            file.AddRange(number[..width]);
        }
    }

    /// <summary>CRC-32 as zip has it, a bit at a time: the slow truth beside the reader's table.</summary>
    private static uint Crc(byte[] data)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in data)
        {
            crc ^= b;
            for (int i = 0; i < 8; i++)
                crc = (crc >> 1) ^ (0xEDB88320 & (0 - (crc & 1)));
        }
        return ~crc;
    }
}
