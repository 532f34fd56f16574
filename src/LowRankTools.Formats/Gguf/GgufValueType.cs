namespace LowRankTools.Formats.Gguf;

/// <summary>Types of metadata values, with the numbers they have in the file.</summary>
internal enum GgufValueType : uint
{
    UInt8 = 0,
    Int8 = 1,
    UInt16 = 2,
    Int16 = 3,
    UInt32 = 4,
    Int32 = 5,
    Float32 = 6,
    Bool = 7,
    String = 8,
    Array = 9,
    UInt64 = 10,
    Int64 = 11,
    Float64 = 12,
}

/// <summary>Sizes and names of <see cref="GgufValueType"/>.</summary>
internal static class GgufValueTypes
{
    /// <summary>Bytes of one value; zero where it has no fixed size.</summary>
    public static int FixedBytes(this GgufValueType type) => type switch
    {
        GgufValueType.UInt8 or GgufValueType.Int8 or GgufValueType.Bool => 1,
        GgufValueType.UInt16 or GgufValueType.Int16 => 2,
        GgufValueType.UInt32 or GgufValueType.Int32 or GgufValueType.Float32 => 4,
        GgufValueType.UInt64 or GgufValueType.Int64 or GgufValueType.Float64 => 8,
        _ => 0,
    };

    /// <summary>Fewest bytes that one value takes: a string's length, an array's element type and count.</summary>
    public static int LeastBytes(this GgufValueType type) => type switch
    {
        GgufValueType.String => 8,
        GgufValueType.Array => 12,
        _ => type.FixedBytes(),
    };

    /// <summary>The name as the format's documents spell it.</summary>
    public static string Label(this GgufValueType type) => type.ToString().ToLowerInvariant();
}
