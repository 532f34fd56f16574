using System.Buffers.Binary;
using System.Globalization;

namespace LowRankTools.Formats.Gguf;

/// <summary>
/// The typed key-values as text. Arrays (vocabularies of some hundred thousand tokens, merges, scores) are
/// passed over and shown by type and count.
/// </summary>
internal sealed class GgufMetadata
{
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);
    private readonly List<GgufKeyValue> _keyValues = [];

    private GgufMetadata()
    {
    }

    /// <summary>Where every key-value lies, in the order of the file.</summary>
    public IReadOnlyList<GgufKeyValue> KeyValues => _keyValues;

    /// <summary>Every key with its value; arrays as <c>[type x count]</c>.</summary>
    public IReadOnlyDictionary<string, string> Values => _values;

    /// <summary>Tensors begin at multiples of this, a power of two.</summary>
    public uint Alignment { get; private set; } = GgufConstants.DefaultAlignment;

    /// <summary>Reads <paramref name="count"/> key-values.</summary>
    /// <exception cref="ModelFormatException">See <see cref="FormatErrors"/>.</exception>
    public static GgufMetadata Read(GgufCursor cursor, ulong count)
    {
        GgufMetadata metadata = new();
        for (ulong i = 0; i < count; i++)
            metadata.ReadOne(cursor);
        return metadata;
    }

    private void ReadOne(GgufCursor cursor)
    {
        long start = cursor.Position;
        string key = cursor.Name();
        GgufValueType type = ValueType(cursor);
        if (key == GgufConstants.AlignmentKey)
            Alignment = ReadAlignment(cursor, type);
        string value = key == GgufConstants.AlignmentKey ? Alignment.ToString(CultureInfo.InvariantCulture) : Show(cursor, type);
        if (!_values.TryAdd(key, value))
            throw new ModelFormatException(FormatErrors.HeaderInvalid, $"The key '{key}' stands twice in the header.");
        _keyValues.Add(new GgufKeyValue(key, start, cursor.Position));
    }

    private static uint ReadAlignment(GgufCursor cursor, GgufValueType type)
    {
        if (type != GgufValueType.UInt32)
            throw new ModelFormatException(FormatErrors.HeaderInvalid, $"{GgufConstants.AlignmentKey} is of type {type.Label()} and not uint32.");
        uint alignment = cursor.UInt32();
        return uint.IsPow2(alignment)
            ? alignment
            : throw new ModelFormatException(FormatErrors.HeaderInvalid, $"{GgufConstants.AlignmentKey} is {alignment}, which is no power of two.");
    }

    private static GgufValueType ValueType(GgufCursor cursor)
    {
        uint type = cursor.UInt32();
        return type <= (uint)GgufValueType.Float64
            ? (GgufValueType)type
            : throw new ModelFormatException(FormatErrors.HeaderInvalid, $"The value type {type} before byte {cursor.Position} does not exist.");
    }

    private static string Show(GgufCursor cursor, GgufValueType type)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        return type switch
        {
            GgufValueType.UInt8 => cursor.Take(1)[0].ToString(culture),
            GgufValueType.Int8 => ((sbyte)cursor.Take(1)[0]).ToString(culture),
            GgufValueType.UInt16 => BinaryPrimitives.ReadUInt16LittleEndian(cursor.Take(2)).ToString(culture),
            GgufValueType.Int16 => BinaryPrimitives.ReadInt16LittleEndian(cursor.Take(2)).ToString(culture),
            GgufValueType.UInt32 => cursor.UInt32().ToString(culture),
            GgufValueType.Int32 => ((int)cursor.UInt32()).ToString(culture),
            GgufValueType.Float32 => BinaryPrimitives.ReadSingleLittleEndian(cursor.Take(4)).ToString(culture),
            GgufValueType.Bool => ShowBool(cursor),
            GgufValueType.String => cursor.Text(),
            GgufValueType.Array => ShowArray(cursor),
            GgufValueType.UInt64 => cursor.UInt64().ToString(culture),
            GgufValueType.Int64 => ((long)cursor.UInt64()).ToString(culture),
            _ => BinaryPrimitives.ReadDoubleLittleEndian(cursor.Take(8)).ToString(culture),
        };
    }

    private static string ShowBool(GgufCursor cursor) => cursor.Take(1)[0] switch
    {
        0 => "false",
        1 => "true",
        byte other => throw new ModelFormatException(FormatErrors.HeaderInvalid, $"The truth value before byte {cursor.Position} is {other}."),
    };

    private static string ShowArray(GgufCursor cursor)
    {
        (GgufValueType type, ulong count) = SkipArray(cursor, 1);
        return string.Create(CultureInfo.InvariantCulture, $"[{type.Label()} x {count}]");
    }

    private static (GgufValueType Type, ulong Count) SkipArray(GgufCursor cursor, int depth)
    {
        if (depth > GgufConstants.MaxArrayDepth)
            throw new ModelFormatException(FormatErrors.HeaderInvalid, $"Arrays are nested deeper than {GgufConstants.MaxArrayDepth} at byte {cursor.Position}.");
        GgufValueType type = ValueType(cursor);
        ulong count = cursor.Count(type.LeastBytes());
        if (type.FixedBytes() > 0)
            cursor.Skip(count * (ulong)type.FixedBytes());
        for (ulong i = 0; i < count && type == GgufValueType.String; i++)
            cursor.Skip(cursor.UInt64());
        for (ulong i = 0; i < count && type == GgufValueType.Array; i++)
            SkipArray(cursor, depth + 1);
        return (type, count);
    }
}
