using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Safetensors;

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

    /// <summary>Whether the format has a name for the type: its plain types, the packed floats of microscaling, no quantised blocks.</summary>
    public static bool Holds(TensorDType dtype) =>
        !dtype.IsQuantized() && dtype is not (TensorDType.C128 or TensorDType.U4 or TensorDType.I4);
}
