using System.Buffers.Binary;
using LowRankTools.Formats.IO;

namespace LowRankTools.Formats.OnnxAdapters;

/// <summary>A table of a FlatBuffer in a file that nobody vouches for: every offset is checked before it is followed.</summary>
internal readonly struct FlatTable
{
    private readonly RandomAccessSource _file;
    private readonly long _position, _vtable;
    private readonly int _vtableBytes, _tableBytes;

    private FlatTable(RandomAccessSource file, long position, long vtable, int vtableBytes, int tableBytes) =>
        (_file, _position, _vtable, _vtableBytes, _tableBytes) = (file, position, vtable, vtableBytes, tableBytes);

    /// <summary>The table at a place.</summary>
    /// <exception cref="ModelFormatException"><c>HeaderInvalid</c>, <c>HeaderTruncated</c>.</exception>
    public static FlatTable At(RandomAccessSource file, long position)
    {
        long vtable = position - Int32(file, position);
        Span<byte> sizes = stackalloc byte[4];
        Check(file, vtable, sizes.Length);
        file.ReadExactly(vtable, sizes, FormatErrors.HeaderTruncated);
        int vtableBytes = BinaryPrimitives.ReadUInt16LittleEndian(sizes), tableBytes = BinaryPrimitives.ReadUInt16LittleEndian(sizes[2..]);
        if (vtableBytes < 4 || vtableBytes % 2 != 0 || tableBytes < 4)
            throw Invalid("a table's description has a length that none has");
        Check(file, vtable, vtableBytes);
        Check(file, position, tableBytes);
        return new FlatTable(file, position, vtable, vtableBytes, tableBytes);
    }

    /// <summary>The table that the file begins with.</summary>
    public static FlatTable Root(RandomAccessSource file) => At(file, Follow(file, 0));

    /// <summary>A number; zero where it is left out.</summary>
    /// <param name="field">Number of the field.</param>
    public int Number(int field) => Place(field) is { } place ? Int32(_file, place) : 0;

    /// <summary>A vector: where its elements begin and how many there are; none where it is left out.</summary>
    /// <param name="field">Number of the field.</param>
    /// <param name="elementBytes">Bytes of an element: all of them lie in the file.</param>
    public (long Start, long Count) Vector(int field, int elementBytes)
    {
        if (Place(field) is not { } place)
            return default;
        long vector = Follow(_file, place), count = (uint)Int32(_file, vector);
        Check(_file, vector + sizeof(uint), count * elementBytes);
        return (vector + sizeof(uint), count);
    }

    /// <summary>The table that an element of a vector of tables is.</summary>
    /// <param name="place">Where the element stands.</param>
    public FlatTable Table(long place) => At(_file, Follow(_file, place));

    private long? Place(int field)
    {
        int entry = 4 + (2 * field);
        if (entry + 2 > _vtableBytes)
            return null;
        Span<byte> bytes = stackalloc byte[2];
        _file.ReadExactly(_vtable + entry, bytes, FormatErrors.HeaderTruncated);
        int place = BinaryPrimitives.ReadUInt16LittleEndian(bytes);
        if (place == 0)
            return null;
        return place >= 4 && place + sizeof(uint) <= _tableBytes ? _position + place : throw Invalid("a field lies outside its table");
    }

    private static long Follow(RandomAccessSource file, long place)
    {
        long target = place + (uint)Int32(file, place);
        Check(file, target, sizeof(uint));
        return target;
    }

    private static int Int32(RandomAccessSource file, long position)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        Check(file, position, bytes.Length);
        file.ReadExactly(position, bytes, FormatErrors.HeaderTruncated);
        return BinaryPrimitives.ReadInt32LittleEndian(bytes);
    }

    private static void Check(RandomAccessSource file, long position, long length)
    {
        if (position < 0 || length > file.Length - position)
            throw Invalid($"{length} bytes at {position} are spoken of, which the file does not have");
    }

    private static ModelFormatException Invalid(string what) => new(FormatErrors.HeaderInvalid, $"This is not the FlatBuffer of an adapter: {what}.", remedy: "Take the adapter from its source again.");
}
