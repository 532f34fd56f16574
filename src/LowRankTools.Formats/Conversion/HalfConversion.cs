using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace LowRankTools.Formats.Conversion;

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

    /// <summary>binary32 to binary16, nearest even; NaN stays NaN and keeps the top of its payload.</summary>
    public static void FromSingle(ReadOnlySpan<float> source, Span<ushort> destination)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, source.Length);
        int i = 0;
        if (Vector256.IsHardwareAccelerated)
        {
            ref float s = ref MemoryMarshal.GetReference(source);
            ref ushort d = ref MemoryMarshal.GetReference(destination);
            for (; i <= source.Length - 16; i += 16)
            {
                Vector256<uint> low = Narrow(Vector256.LoadUnsafe(ref s, (nuint)i));
                Vector256<uint> high = Narrow(Vector256.LoadUnsafe(ref s, (nuint)i + 8));
                Vector256.Narrow(low, high).StoreUnsafe(ref d, (nuint)i);
            }
        }
        for (; i < source.Length; i++)
        {
            uint bits = BitConverter.SingleToUInt32Bits(source[i]);
            destination[i] = float.IsNaN(source[i])
                ? (ushort)(((bits >> 16) & 0x8000) | 0x7E00 | ((bits >> 13) & 0x03FF))
                : BitConverter.HalfToUInt16Bits((Half)source[i]);
        }
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

    /// <summary>binary32 to bfloat16, nearest even; NaN stays NaN and keeps the top of its payload.</summary>
    public static void BrainFromSingle(ReadOnlySpan<float> source, Span<ushort> destination)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, source.Length);
        int i = 0;
        if (Vector256.IsHardwareAccelerated)
        {
            ref float s = ref MemoryMarshal.GetReference(source);
            ref ushort d = ref MemoryMarshal.GetReference(destination);
            for (; i <= source.Length - 16; i += 16)
            {
                Vector256<uint> low = NarrowBrain(Vector256.LoadUnsafe(ref s, (nuint)i).AsUInt32());
                Vector256<uint> high = NarrowBrain(Vector256.LoadUnsafe(ref s, (nuint)i + 8).AsUInt32());
                Vector256.Narrow(low, high).StoreUnsafe(ref d, (nuint)i);
            }
        }
        for (; i < source.Length; i++)
        {
            uint bits = BitConverter.SingleToUInt32Bits(source[i]);
            // Half of the last kept place, minus one where that place is even, carries exactly the nearest-even rounding.
            uint rounded = bits + 0x7FFF + ((bits >> 16) & 1);
            destination[i] = float.IsNaN(source[i]) ? (ushort)((bits >> 16) | 0x40) : (ushort)(rounded >> 16);
        }
    }

    /// <summary>
    /// Eight binary16 patterns in the low halves of the lanes. Normal results round by a carry into the kept bits;
    /// subnormal ones by adding 0.5, whose last place is 2^-24 as theirs is; 65536 and above are infinite, and what
    /// lies between 65520 and 65536 rounds up to infinity by the carry.
    /// </summary>
    private static Vector256<uint> Narrow(Vector256<float> value)
    {
        Vector256<uint> bits = value.AsUInt32();
        Vector256<uint> magnitude = bits & Vector256.Create(0x7FFF_FFFFu);
        Vector256<uint> carry = Vector256.Create(0x0FFFu) + ((magnitude >>> 13) & Vector256<uint>.One);
        Vector256<uint> normal = (magnitude + carry - Vector256.Create(112u << 23)) >>> 13;
        Vector256<uint> subnormal = (magnitude.AsSingle() + Vector256.Create(0.5f)).AsUInt32() - Vector256.Create(0x3F00_0000u);
        // Compared as signed numbers, which magnitudes are too: there are instructions for these alone.
        Vector256<uint> small = Vector256.LessThan(magnitude.AsInt32(), Vector256.Create(0x3880_0000)).AsUInt32();
        Vector256<uint> huge = Vector256.GreaterThan(magnitude.AsInt32(), Vector256.Create(0x477F_FFFF)).AsUInt32();
        Vector256<uint> nan = Vector256.GreaterThan(magnitude.AsInt32(), Vector256.Create(0x7F80_0000)).AsUInt32();
        Vector256<uint> result = Vector256.ConditionalSelect(small, subnormal, normal);
        result = Vector256.ConditionalSelect(huge, Vector256.Create(0x7C00u), result);
        Vector256<uint> quiet = Vector256.Create(0x7E00u) | ((magnitude >>> 13) & Vector256.Create(0x03FFu));
        result = Vector256.ConditionalSelect(nan, quiet, result);
        return result | ((bits >>> 16) & Vector256.Create(0x8000u));
    }

    /// <summary>Eight bfloat16 patterns in the low halves of the lanes, rounded as the scalar line says.</summary>
    private static Vector256<uint> NarrowBrain(Vector256<uint> bits)
    {
        Vector256<uint> upper = bits >>> 16;
        Vector256<uint> rounded = (bits + Vector256.Create(0x7FFFu) + (upper & Vector256<uint>.One)) >>> 16;
        Vector256<int> magnitude = (bits & Vector256.Create(0x7FFF_FFFFu)).AsInt32();
        Vector256<uint> nan = Vector256.GreaterThan(magnitude, Vector256.Create(0x7F80_0000)).AsUInt32();
        return Vector256.ConditionalSelect(nan, upper | Vector256.Create(0x40u), rounded);
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
