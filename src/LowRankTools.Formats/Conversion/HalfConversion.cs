using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace LowRankTools.Formats;

/// <summary>
/// The two 16-bit floats. Vector code works on plain bit patterns, so it runs at any vector width the machine has.
/// </summary>
internal static class HalfConversion
{
    /// <summary>
    /// binary16 to binary32. Exponent and mantissa are shifted into place and rebased by one multiplication with
    /// 2^112, which also normalises subnormals; infinities and NaN get their exponent filled up afterwards.
    /// </summary>
    public static void ToSingle(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        int i = 0;
        if (Vector256.IsHardwareAccelerated)
        {
            ref ushort s = ref MemoryMarshal.GetReference(source);
            ref float d = ref MemoryMarshal.GetReference(destination);
            Vector256<float> rebase = Vector256.Create(BitConverter.UInt32BitsToSingle(0x7780_0000)); // 2^112
            for (; i <= destination.Length - 16; i += 16)
            {
                (Vector256<uint> low, Vector256<uint> high) = Vector256.Widen(Vector256.LoadUnsafe(ref s, (nuint)i));
                Widen(low, rebase).StoreUnsafe(ref d, (nuint)i);
                Widen(high, rebase).StoreUnsafe(ref d, (nuint)i + 8);
            }
        }
        for (; i < destination.Length; i++)
            destination[i] = (float)BitConverter.UInt16BitsToHalf(source[i]);
    }

    /// <summary>binary32 to binary16, nearest even.</summary>
    public static void FromSingle(ReadOnlySpan<float> source, Span<ushort> destination)
    {
        for (int i = 0; i < source.Length; i++)
            destination[i] = BitConverter.HalfToUInt16Bits((Half)source[i]);
    }

    /// <summary>bfloat16 to binary32: the bits move up by sixteen.</summary>
    public static void BrainToSingle(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        int i = 0;
        if (Vector256.IsHardwareAccelerated)
        {
            ref ushort s = ref MemoryMarshal.GetReference(source);
            ref float d = ref MemoryMarshal.GetReference(destination);
            for (; i <= destination.Length - 16; i += 16)
            {
                (Vector256<uint> low, Vector256<uint> high) = Vector256.Widen(Vector256.LoadUnsafe(ref s, (nuint)i));
                (low << 16).AsSingle().StoreUnsafe(ref d, (nuint)i);
                (high << 16).AsSingle().StoreUnsafe(ref d, (nuint)i + 8);
            }
        }
        for (; i < destination.Length; i++)
            destination[i] = BitConverter.UInt32BitsToSingle((uint)source[i] << 16);
    }

    /// <summary>binary32 to bfloat16, nearest even; NaN stays NaN.</summary>
    public static void BrainFromSingle(ReadOnlySpan<float> source, Span<ushort> destination)
    {
        for (int i = 0; i < source.Length; i++)
        {
            uint bits = BitConverter.SingleToUInt32Bits(source[i]);
            // Half of the last kept place, minus one where that place is even, carries exactly the nearest-even rounding.
            uint rounded = bits + 0x7FFF + ((bits >> 16) & 1);
            destination[i] = float.IsNaN(source[i]) ? (ushort)((bits >> 16) | 0x40) : (ushort)(rounded >> 16);
        }
    }

    private static Vector256<float> Widen(Vector256<uint> half, Vector256<float> rebase)
    {
        Vector256<uint> sign = (half & Vector256.Create(0x8000u)) << 16;
        Vector256<uint> magnitude = (half & Vector256.Create(0x7FFFu)) << 13;
        Vector256<uint> value = (magnitude.AsSingle() * rebase).AsUInt32();
        Vector256<uint> special = Vector256.GreaterThanOrEqual(magnitude, Vector256.Create(0x7C00u << 13));
        value |= special & Vector256.Create(0x7F80_0000u);
        return (value | sign).AsSingle();
    }
}
