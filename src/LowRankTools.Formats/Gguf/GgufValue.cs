using System.Buffers.Binary;
using System.Text;

namespace LowRankTools.Formats.Gguf;

/// <summary>A key-value that is about to be written.</summary>
public sealed class GgufValue
{
    private GgufValue(string key, GgufValueType type, byte[] value)
    {
        Key = key;
        Bytes = [.. Encode(key), .. Little((uint)type), .. value];
    }

    /// <summary>The key.</summary>
    public string Key { get; }

    /// <summary>Key, type and value as they stand in a file.</summary>
    internal byte[] Bytes { get; }

    /// <summary>A text.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The text.</param>
    public static GgufValue Text(string key, string value) => new(key, GgufValueType.String, Encode(value));

    /// <summary>A text with blanks after it up to a number of bytes: JSON that was given more room than it needs.</summary>
    internal static GgufValue Text(string key, string value, int bytes) => Text(key, value + new string(' ', bytes - Encoding.UTF8.GetByteCount(value)));

    /// <summary>A float32.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The number.</param>
    public static GgufValue Number(string key, float value) => new(key, GgufValueType.Float32, Little(BitConverter.SingleToUInt32Bits(value)));

    /// <summary>A whole number of 32 bits.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The number.</param>
    public static GgufValue Number(string key, uint value) => new(key, GgufValueType.UInt32, Little(value));

    /// <summary>A length and the bytes of a text.</summary>
    internal static byte[] Encode(string text)
    {
        byte[] bytes = new byte[sizeof(ulong) + Encoding.UTF8.GetByteCount(text)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, (ulong)(bytes.Length - sizeof(ulong)));
        Encoding.UTF8.GetBytes(text, bytes.AsSpan(sizeof(ulong)));
        return bytes;
    }

    private static byte[] Little(uint value)
    {
        byte[] bytes = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return bytes;
    }
}
