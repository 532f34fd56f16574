namespace LowRankTools.Formats;

/// <summary>
/// Numbers of the safetensors format: eight bytes of little-endian header length, a JSON object, the data.
/// </summary>
internal static class SafetensorsConstants
{
    /// <summary>Largest header that the reference implementation accepts.</summary>
    public const int MaxHeaderBytes = 100_000_000;

    /// <summary>Bytes before the JSON header.</summary>
    public const int PrefixBytes = 8;

    /// <summary>Key of the free-text object in the header.</summary>
    public const string MetadataKey = "__metadata__";
}
