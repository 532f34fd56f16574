namespace LowRankTools.Formats.Gguf;

/// <summary>
/// Numbers of the GGUF format, little-endian: "GGUF", version, tensor count, key-value count, the typed
/// key-values, the tensor descriptions, padding to the alignment, the data.
/// </summary>
internal static class GgufConstants
{
    /// <summary>Oldest version read here. Version 1 had 32-bit counts and was in use for two months.</summary>
    public const uint MinVersion = 2;

    /// <summary>Newest version read here.</summary>
    public const uint MaxVersion = 3;

    /// <summary>Alignment of tensors where no key-value sets another.</summary>
    public const uint DefaultAlignment = 32;

    /// <summary>Key of the alignment, of type uint32.</summary>
    public const string AlignmentKey = "general.alignment";

    /// <summary>Most key-values, and most tensors; real files have thousands at most.</summary>
    public const int MaxEntries = 1 << 20;

    /// <summary>Longest key and tensor name in bytes; the format's own limit for keys.</summary>
    public const int MaxNameBytes = 65_535;

    /// <summary>Longest text value kept as metadata; chat templates, the longest real ones, have some ten thousand bytes.</summary>
    public const int MaxTextBytes = 1 << 24;

    /// <summary>Most bytes of names and text in one header.</summary>
    public const int MaxHeaderText = 100_000_000;

    /// <summary>Deepest nesting of arrays.</summary>
    public const int MaxArrayDepth = 8;

    /// <summary>Most dimensions of a tensor; ggml itself has four.</summary>
    public const int MaxDimensions = 8;

    /// <summary>Most dimensions that ggml loads, and so that are written.</summary>
    public const int MostWrittenDimensions = 4;

    /// <summary>Longest tensor name in bytes that ggml loads, and so that is written.</summary>
    public const int MostWrittenNameBytes = 63;

    /// <summary>Largest alignment that is written; pages of memory, the most that anyone could want, have this size at most.</summary>
    public const uint MostWrittenAlignment = 1 << 16;

    /// <summary>Version that is written. It differs from 2 in files for big-endian machines alone.</summary>
    public const uint WrittenVersion = 3;

    /// <summary>Least bytes of a key-value: key length, one byte of key, type, one byte of value.</summary>
    public const int MinKeyValueBytes = 8 + 1 + 4 + 1;

    /// <summary>Least bytes of a tensor's description: name length, one byte of name, dimension count, type, offset.</summary>
    public const int MinTensorBytes = 8 + 1 + 4 + 4 + 8;
}
