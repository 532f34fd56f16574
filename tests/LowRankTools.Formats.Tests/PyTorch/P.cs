using System.Buffers.Binary;
using System.Text;

namespace LowRankTools.Formats.Tests.PyTorch;

/// <summary>
/// Python values as expressions, and the pickle that makes them. Plain values stand for themselves: null, bool,
/// int, long, double, string, object?[] is a tuple, List&lt;object?&gt; a list.
/// </summary>
internal static class P
{
    public sealed record Global(string Module, string Name);

    public sealed record Call(object? Function, object? Arguments);

    public sealed record New(object? Type, object? Arguments);

    public sealed record Build(object? Target, object? State);

    public sealed record Persistent(object? Id);

    public sealed record Pairs(object? Target, (object Key, object? Value)[] Items);

    /// <summary>Opcodes as they are.</summary>
    public sealed record Raw(byte[] Bytes);

    public static Pairs Dict(params (object Key, object? Value)[] items) => new(new Raw("}"u8.ToArray()), items);

    public static Pairs Ordered(params (object Key, object? Value)[] items) => new(new Call(new Global("collections", "OrderedDict"), Tuple()), items);

    public static object?[] Tuple(params object?[] items) => items;

    public static byte[] Dump(object? value, byte protocol = 2) => [0x80, protocol, .. Encode(value), (byte)'.'];

    public static byte[] Encode(object? value) => value switch
    {
        null => "N"u8.ToArray(),
        true => [0x88],
        false => [0x89],
        int i => Encode((long)i),
        long i => [0x8A, 8, .. LittleEndian((ulong)i, 8)],
        double d => [(byte)'G', .. LittleEndian(BinaryPrimitives.ReverseEndianness(BitConverter.DoubleToUInt64Bits(d)), 8)],
        string s => [(byte)'X', .. LittleEndian((ulong)Encoding.UTF8.GetByteCount(s), 4), .. Encoding.UTF8.GetBytes(s)],
        object?[] t => [(byte)'(', .. t.SelectMany(Encode), (byte)'t'],
        List<object?> l => [(byte)']', (byte)'(', .. l.SelectMany(Encode), (byte)'e'],
        Global g => Encoding.UTF8.GetBytes($"c{g.Module}\n{g.Name}\n"),
        Call c => [.. Encode(c.Function), .. Encode(c.Arguments), (byte)'R'],
        New n => [.. Encode(n.Type), .. Encode(n.Arguments), 0x81],
        Build b => [.. Encode(b.Target), .. Encode(b.State), (byte)'b'],
        Persistent p => [.. Encode(p.Id), (byte)'Q'],
        Pairs d => [.. Encode(d.Target), (byte)'(', .. d.Items.SelectMany(i => Encode(i.Key).Concat(Encode(i.Value))), (byte)'u'],
        Raw r => r.Bytes,
        _ => throw new ArgumentException($"{value.GetType()} has no pickle"),
    };

    public static byte[] LittleEndian(ulong value, int width) => [.. Enumerable.Range(0, width).Select(i => (byte)(value >> (8 * i)))];
}
