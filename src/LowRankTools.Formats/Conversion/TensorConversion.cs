using System.Runtime.InteropServices;
using LowRankTools.Formats.Gguf.Quants;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Conversion;

/// <summary>Turns bytes of any numeric element type into float32, and float32 into the types that are written.</summary>
public static class TensorConversion
{
    /// <summary>Converts whole blocks (a last, partial block of packed types included).</summary>
    /// <param name="dtype">Element type of <paramref name="source"/>.</param>
    /// <param name="source">Little-endian bytes.</param>
    /// <param name="destination">One float32 an element. Integers and float64 are rounded to nearest.</param>
    /// <param name="tensor">Name for the error message.</param>
    /// <exception cref="ModelFormatException"><c>ValuesUnsupported</c>: complex numbers and codebook quants.</exception>
    public static void ToSingle(TensorDType dtype, ReadOnlySpan<byte> source, Span<float> destination, string tensor)
    {
        switch (dtype)
        {
            case TensorDType.F32:
                MemoryMarshal.Cast<byte, float>(source).CopyTo(destination);
                break;
            case TensorDType.F16:
                HalfConversion.ToSingle(MemoryMarshal.Cast<byte, ushort>(source), destination);
                break;
            case TensorDType.BF16:
                HalfConversion.BrainToSingle(MemoryMarshal.Cast<byte, ushort>(source), destination);
                break;
            case TensorDType.F64:
                Convert(MemoryMarshal.Cast<byte, double>(source), destination);
                break;
            case TensorDType.U8 or TensorDType.BOOL:
                Convert(source, destination);
                break;
            case TensorDType.I8:
                Convert(MemoryMarshal.Cast<byte, sbyte>(source), destination);
                break;
            case TensorDType.U16:
                Convert(MemoryMarshal.Cast<byte, ushort>(source), destination);
                break;
            case TensorDType.I16:
                Convert(MemoryMarshal.Cast<byte, short>(source), destination);
                break;
            case TensorDType.U32:
                Convert(MemoryMarshal.Cast<byte, uint>(source), destination);
                break;
            case TensorDType.I32:
                Convert(MemoryMarshal.Cast<byte, int>(source), destination);
                break;
            case TensorDType.U64:
                Convert(MemoryMarshal.Cast<byte, ulong>(source), destination);
                break;
            case TensorDType.I64:
                Convert(MemoryMarshal.Cast<byte, long>(source), destination);
                break;
            case >= TensorDType.F8_E5M2 and <= TensorDType.F4 or TensorDType.U4 or TensorDType.I4:
                SmallFloatConversion.ToSingle(dtype, source, destination);
                break;
            default:
                if (dtype.IsQuantized() && QuantConversion.TryToSingle(dtype, source, destination))
                    break;
                throw new ModelFormatException(FormatErrors.ValuesUnsupported,
                    $"Tensor '{tensor}' holds {dtype} values, which can be listed and counted but not converted.", tensor: tensor,
                    remedy: "Leave it out with -Exclude, or convert the file to F16 or BF16 first.");
        }
    }

    /// <summary>Whether <see cref="ToSingle"/> knows the type.</summary>
    public static bool IsReadable(TensorDType dtype) =>
        dtype.IsQuantized() ? QuantConversion.IsSupported(dtype) : dtype is not (TensorDType.C64 or TensorDType.C128);

    /// <summary>Whether <see cref="FromSingle"/> knows the type.</summary>
    public static bool IsWritable(TensorDType dtype) =>
        dtype is TensorDType.F32 or TensorDType.F16 or TensorDType.BF16 or TensorDType.F64;

    /// <summary>Rounds float32 to nearest even in F32, F16, BF16 or F64, or to the levels of Q8_0 and Q4_0, whose blocks GGUF alone holds.</summary>
    /// <param name="dtype">Type to write.</param>
    /// <param name="source">Values; whole blocks of 32 for Q8_0 and Q4_0.</param>
    /// <param name="destination">Little-endian bytes, exactly as long as the values need.</param>
    /// <exception cref="ArgumentOutOfRangeException">Another type was asked for.</exception>
    public static void FromSingle(TensorDType dtype, ReadOnlySpan<float> source, Span<byte> destination)
    {
        switch (dtype)
        {
            case TensorDType.F32:
                MemoryMarshal.AsBytes(source).CopyTo(destination);
                break;
            case TensorDType.F16:
                HalfConversion.FromSingle(source, MemoryMarshal.Cast<byte, ushort>(destination));
                break;
            case TensorDType.BF16:
                HalfConversion.BrainFromSingle(source, MemoryMarshal.Cast<byte, ushort>(destination));
                break;
            case TensorDType.F64:
                Span<double> wide = MemoryMarshal.Cast<byte, double>(destination);
                for (int i = 0; i < source.Length; i++)
                    wide[i] = source[i];
                break;
            case TensorDType.Q8_0:
                Q8Encoder.Encode(source, destination);
                break;
            case TensorDType.Q4_0:
                Q4Encoder.Encode(source, destination);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "Factors are written as F32, F16, BF16 or F64.");
        }
    }

    private static void Convert<T>(ReadOnlySpan<T> source, Span<float> destination)
        where T : unmanaged, System.Numerics.INumberBase<T>
    {
        for (int i = 0; i < destination.Length; i++)
            destination[i] = float.CreateTruncating(source[i]);
    }
}
