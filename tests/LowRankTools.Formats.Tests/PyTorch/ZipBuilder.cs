using System.Text;

namespace LowRankTools.Formats.Tests.PyTorch;

/// <summary>A zip archive in which everything may lie.</summary>
internal sealed class ZipBuilder
{
    private readonly List<Record> _records = [];

    public sealed class Record
    {
        public required string Name { get; set; }

        public required byte[] Data { get; set; }

        public string? LocalName { get; set; }

        public int Method { get; set; }

        public int Flags { get; set; }

        /// <summary>Zero says that none was computed.</summary>
        public uint Crc { get; set; }

        public uint? Size { get; set; }

        public uint? PackedSize { get; set; }

        public uint? Offset { get; set; }

        public byte[] Extra { get; set; } = [];

        internal uint Position { get; set; }
    }

    public int? Count { get; set; }

    public uint? DirectoryOffset { get; set; }

    public uint? DirectoryBytes { get; set; }

    public Record this[string name] => _records.Single(r => r.Name == name);

    public Record Add(string name, byte[] data)
    {
        Record record = new() { Name = name, Data = data };
        _records.Add(record);
        return record;
    }

    /// <summary>The file; with <paramref name="wide"/> all lengths and offsets stand in 64-bit fields only.</summary>
    public byte[] ToArray(bool wide = false)
    {
        List<byte> file = [];
        foreach (Record r in _records)
        {
            r.Position = (uint)file.Count;
            byte[] name = Encoding.UTF8.GetBytes(r.LocalName ?? r.Name);
            file.AddRange([.. U32(0x04034B50), .. U16(20), .. U16(r.Flags), .. U16(r.Method), .. U32(0), .. U32(0)]);
            file.AddRange([.. U32((uint)r.Data.Length), .. U32((uint)r.Data.Length), .. U16(name.Length), .. U16(0), .. name, .. r.Data]);
        }
        uint start = (uint)file.Count;
        foreach (Record r in _records)
            file.AddRange(Central(r, wide));
        uint bytes = (uint)file.Count - start;
        if (wide)
        {
            int at = file.Count;
            file.AddRange([.. U32(0x06064B50), .. U64(44), .. U16(45), .. U16(45), .. U32(0), .. U32(0)]);
            file.AddRange([.. U64(_records.Count), .. U64(_records.Count), .. U64(bytes), .. U64(start)]);
            file.AddRange([.. U32(0x07064B50), .. U32(0), .. U64(at), .. U32(1)]);
        }
        int count = wide ? 0xFFFF : Count ?? _records.Count;
        file.AddRange([.. U32(0x06054B50), .. U32(0), .. U16(count), .. U16(count)]);
        file.AddRange([.. U32(wide ? uint.MaxValue : DirectoryBytes ?? bytes), .. U32(wide ? uint.MaxValue : DirectoryOffset ?? start), .. U16(0)]);
        return [.. file];
    }

    private static byte[] Central(Record r, bool wide)
    {
        byte[] name = Encoding.UTF8.GetBytes(r.Name);
        byte[] extra = wide ? [.. U16(1), .. U16(24), .. U64(r.Data.Length), .. U64(r.Data.Length), .. U64(r.Position)] : r.Extra;
        uint size = wide ? uint.MaxValue : r.Size ?? (uint)r.Data.Length;
        uint packed = wide ? uint.MaxValue : r.PackedSize ?? r.Size ?? (uint)r.Data.Length;
        uint offset = wide ? uint.MaxValue : r.Offset ?? r.Position;
        return
        [
            .. U32(0x02014B50), .. U16(20), .. U16(20), .. U16(r.Flags), .. U16(r.Method), .. U32(0), .. U32(r.Crc), .. U32(packed), .. U32(size),
            .. U16(name.Length), .. U16(extra.Length), .. U16(0), .. U16(0), .. U16(0), .. U32(0), .. U32(offset), .. name, .. extra,
        ];
    }

    private static byte[] U16(int value) => P.LittleEndian((ulong)value, 2);

    private static byte[] U32(uint value) => P.LittleEndian(value, 4);

    private static byte[] U64(long value) => P.LittleEndian((ulong)value, 8);
}
