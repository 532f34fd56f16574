namespace LowRankTools.Formats.Onnx;

/// <summary>What is believed of an ONNX file at most; real models stay far below.</summary>
internal static class OnnxLimits
{
    /// <summary>Subgraphs in subgraphs.</summary>
    public const int GraphDepth = 32;

    /// <summary>Everything that is kept in memory: names, sizes, and nodes and tensors by their weight.</summary>
    public const int Items = 8_000_000;

    /// <summary>What a node or a tensor counts for, even an empty one.</summary>
    public const int ObjectWeight = 8;

    /// <summary>Bytes of one name.</summary>
    public const int NameBytes = 64 * 1024;

    /// <summary>Bytes of one value of the metadata.</summary>
    public const int MetadataBytes = 16 * 1024 * 1024;

    /// <summary>Bytes of all names and metadata.</summary>
    public const int TextBytes = 256 * 1024 * 1024;

    /// <summary>Bytes of the values of one tensor that are written one by one instead of packed.</summary>
    public const int UnpackedBytes = 256 * 1024 * 1024;

    /// <summary>Encoded bytes up to which a tensor of variable-length numbers is counted when the file is opened.</summary>
    public const int CountedVarintBytes = 64 * 1024;
}
