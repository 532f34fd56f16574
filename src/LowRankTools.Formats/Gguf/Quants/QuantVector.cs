using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace LowRankTools.Formats.Gguf.Quants;

/// <summary>
/// The steps that all block-quantised types are made of, sixteen elements at a time: lane i holds element i.
/// Products and sums are rounded one by one, never fused, as the reference decoders round.
/// </summary>
internal static class QuantVector
{
    /// <summary>Elements a step.</summary>
    public const int Width = 16;

    /// <summary>A binary16 scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Half(ReadOnlySpan<byte> bytes) => (float)BinaryPrimitives.ReadHalfLittleEndian(bytes);

    /// <summary>Sixteen bytes from <paramref name="at"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load(ReadOnlySpan<byte> bytes, int at) => Vector128.Create(bytes.Slice(at, Width));

    /// <summary>The lower four bits of every byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> LowNibbles(Vector128<byte> bytes) => bytes & Vector128.Create((byte)0x0F);

    /// <summary>The upper four bits of every byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> HighNibbles(Vector128<byte> bytes) => Field(bytes, 4, 0x0F);

    /// <summary>
    /// Bits of every byte, shifted down and masked. The shift runs over 16-bit lanes, for which there is an
    /// instruction; the mask removes what comes over from the neighbour.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Field(Vector128<byte> bytes, int shift, byte mask) =>
        (bytes.AsUInt16() >>> shift).AsByte() & Vector128.Create(mask);

    /// <summary>Sixteen bits, lowest first, each spread to a byte: <paramref name="value"/> where set, else zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Spread(ushort bits, byte value)
    {
        // Lanes 0-7 get the low byte, lanes 8-15 the high one; each then looks at its own bit.
        const ulong copies = 0x0101_0101_0101_0101;
        Vector128<byte> spread = Vector128.Create((bits & 0xFFu) * copies, (ulong)(bits >> 8) * copies).AsByte();
        Vector128<byte> own = Vector128.Create(0x8040_2010_0804_0201UL).AsByte();
        return Vector128.Equals(spread & own, own) & Vector128.Create(value);
    }

    /// <summary>Writes q * scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scale(Vector128<sbyte> q, float scale, Span<float> values)
    {
        ref float target = ref First(values);
        Vector128<float> s = Vector128.Create(scale);
        (Vector128<float> a, Vector128<float> b, Vector128<float> c, Vector128<float> d) = Floats(q);
        (a * s).StoreUnsafe(ref target, 0);
        (b * s).StoreUnsafe(ref target, 4);
        (c * s).StoreUnsafe(ref target, 8);
        (d * s).StoreUnsafe(ref target, 12);
    }

    /// <summary>Writes q * scale + offset.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ScaleAndShift(Vector128<byte> q, float scale, float offset, Span<float> values)
    {
        ref float target = ref First(values);
        Vector128<float> s = Vector128.Create(scale);
        Vector128<float> o = Vector128.Create(offset);
        (Vector128<float> a, Vector128<float> b, Vector128<float> c, Vector128<float> d) = Floats(q.AsSByte());
        (a * s + o).StoreUnsafe(ref target, 0);
        (b * s + o).StoreUnsafe(ref target, 4);
        (c * s + o).StoreUnsafe(ref target, 8);
        (d * s + o).StoreUnsafe(ref target, 12);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector128<float>, Vector128<float>, Vector128<float>, Vector128<float>) Floats(Vector128<sbyte> q)
    {
        (Vector128<short> low, Vector128<short> high) = Vector128.Widen(q);
        (Vector128<int> a, Vector128<int> b) = Vector128.Widen(low);
        (Vector128<int> c, Vector128<int> d) = Vector128.Widen(high);
        return (Vector128.ConvertToSingle(a), Vector128.ConvertToSingle(b), Vector128.ConvertToSingle(c), Vector128.ConvertToSingle(d));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref float First(Span<float> values)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(values.Length, Width);
        return ref MemoryMarshal.GetReference(values);
    }
}
