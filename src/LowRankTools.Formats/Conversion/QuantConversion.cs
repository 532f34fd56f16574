namespace LowRankTools.Formats;

/// <summary>Block-quantised types of GGUF: which ones convert to float32, and the way to their decoders.</summary>
internal static class QuantConversion
{
    /// <summary>Whether the values of this type can be decoded.</summary>
    public static bool IsSupported(TensorDType dtype) => false;

    /// <summary>Decodes whole blocks; false where the type is not supported.</summary>
    public static bool TryToSingle(TensorDType dtype, ReadOnlySpan<byte> source, Span<float> destination) => false;
}
