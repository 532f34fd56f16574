using LowRankTools.Formats.Gguf.Quants;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Conversion;

/// <summary>
/// Block-quantised types of GGUF: which ones convert to float32, and the way to their decoders. The codebook types
/// (IQ1 to IQ3) need tables of many kilobytes and NVFP4 a further scale from another tensor; they are listed and
/// counted only.
/// </summary>
internal static class QuantConversion
{
    private const int LargestBlock = 256;

    /// <summary>Whether the values of this type can be decoded.</summary>
    public static bool IsSupported(TensorDType dtype) => TryToSingle(dtype, [], []);

    /// <summary>Decodes blocks, of the last one as much as <paramref name="destination"/> takes; false where the type is not supported.</summary>
    public static bool TryToSingle(TensorDType dtype, ReadOnlySpan<byte> source, Span<float> destination)
    {
        switch (dtype)
        {
            case TensorDType.Q4_0: Decode<Q4_0>(source, destination); break;
            case TensorDType.Q4_1: Decode<Q4_1>(source, destination); break;
            case TensorDType.Q5_0: Decode<Q5_0>(source, destination); break;
            case TensorDType.Q5_1: Decode<Q5_1>(source, destination); break;
            case TensorDType.Q8_0: Decode<Q8_0>(source, destination); break;
            case TensorDType.Q2_K: Decode<Q2_K>(source, destination); break;
            case TensorDType.Q3_K: Decode<Q3_K>(source, destination); break;
            case TensorDType.Q4_K: Decode<Q4_K>(source, destination); break;
            case TensorDType.Q5_K: Decode<Q5_K>(source, destination); break;
            case TensorDType.Q6_K: Decode<Q6_K>(source, destination); break;
            case TensorDType.Q8_K: Decode<Q8_K>(source, destination); break;
            case TensorDType.IQ4_NL: Decode<IQ4_NL>(source, destination); break;
            case TensorDType.IQ4_XS: Decode<IQ4_XS>(source, destination); break;
            case TensorDType.MXFP4: Decode<MXFP4>(source, destination); break;
            case TensorDType.Q1_0: Decode<Q1_0>(source, destination); break;
            case TensorDType.Q2_0: Decode<Q2_0>(source, destination); break;
            case TensorDType.TQ1_0: Decode<TQ1_0>(source, destination); break;
            case TensorDType.TQ2_0: Decode<TQ2_0>(source, destination); break;
            default: return false;
        }
        return true;
    }

    private static void Decode<TQuant>(ReadOnlySpan<byte> source, Span<float> destination)
        where TQuant : struct, IBlockQuant
    {
        int elements = TQuant.DType.BlockElements();
        int bytes = TQuant.DType.BlockBytes();
        for (; destination.Length >= elements; source = source[bytes..], destination = destination[elements..])
            TQuant.Decode(source[..bytes], destination[..elements]);
        if (destination.IsEmpty)
            return;
        Span<float> last = stackalloc float[LargestBlock];
        TQuant.Decode(source[..bytes], last[..elements]);
        last[..destination.Length].CopyTo(destination);
    }
}
