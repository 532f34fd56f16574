using System.Buffers.Binary;
using System.Text;
using LowRankTools.Formats.Onnx;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Formats.OnnxAdapters;

/// <summary>
/// An adapter file of ONNX Runtime: a FlatBuffer, little-endian, whose root table names three versions and a vector of parameters, each a
/// table of name, sizes, type and bytes (<c>adapter_schema.fbs</c>). Offsets lead forward only, from where they stand.
/// </summary>
internal static class OnnxAdapterLayout
{
    /// <summary>Bytes 4 to 8 of every such file.</summary>
    public static ReadOnlySpan<byte> Identifier => "TORT"u8;

    /// <summary>Version of the format: the only one there is.</summary>
    public const int Version = 1;

    /// <summary>Where values begin, seen from the start of the file: a multiple of this.</summary>
    public const int Alignment = 8;

    /// <summary>Most bytes of a FlatBuffer: its offsets are 32 bits.</summary>
    public const long MostBytes = int.MaxValue;

    // A table is a signed distance back to its vtable, and fields; a vtable is its own length, the table's, and a place for each field.
    private const int RootVtable = 8, RootTable = 20, ParameterVtable = 40, Parameters = 52, TableBytes = 20, VtableBytes = 12, Fields = 4;

    /// <summary>Everything before the values, and where each parameter's values begin.</summary>
    /// <param name="tensors">The parameters.</param>
    /// <exception cref="ModelFormatException"><c>DTypeUnsupported</c>, <c>DuplicateTensor</c>; <c>HeaderTooLarge</c>: a FlatBuffer is shorter than 2 GiB.</exception>
    public static (byte[] Head, long[] Values, long Length) Plan(IReadOnlyList<TensorSpec> tensors)
    {
        HashSet<string> names = new(StringComparer.Ordinal);
        long at = Parameters + sizeof(uint) + ((long)sizeof(uint) * tensors.Count), tables = at;
        at += (long)TableBytes * tensors.Count;
        long[] texts = new long[tensors.Count], sizes = new long[tensors.Count], values = new long[tensors.Count];
        for (int i = 0; i < tensors.Count; i++)
        {
            if (!names.Add(tensors[i].Name))
                throw new ModelFormatException(FormatErrors.DuplicateTensor, $"There are two parameters '{tensors[i].Name}'.", tensor: tensors[i].Name);
            texts[i] = at;
            // A text ends in a zero that its length does not count; elements of eight bytes lie at multiples of eight.
            sizes[i] = Aligned(texts[i] + sizeof(uint) + Encoding.UTF8.GetByteCount(tensors[i].Name) + 1 + sizeof(uint)) - sizeof(uint);
            at = sizes[i] + sizeof(uint) + (sizeof(long) * tensors[i].Shape.Length);
        }
        long head = at;
        for (int i = 0; i < tensors.Count; i++)
        {
            values[i] = Aligned(at + sizeof(uint));
            at = values[i] + tensors[i].ByteLength;
        }
        if (at > MostBytes)
            throw new ModelFormatException(FormatErrors.HeaderTooLarge, $"The adapter would have {at} bytes, and ONNX Runtime's format allows {MostBytes}.", remedy: "Choose smaller ranks, or a smaller type.");
        byte[] bytes = new byte[head];
        void Number(long position, long number) => BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan((int)position), (int)number);
        void Offset(long position, long target) => Number(position, target - position);
        Offset(0, RootTable);
        Identifier.CopyTo(bytes.AsSpan(4));
        WriteVtable(bytes.AsSpan(RootVtable));
        WriteVtable(bytes.AsSpan(ParameterVtable));
        Number(RootTable, RootTable - RootVtable);
        for (int field = 1; field < Fields; field++)
            Number(RootTable + (sizeof(uint) * field), Version);
        Offset(RootTable + (sizeof(uint) * Fields), Parameters);
        Number(Parameters, tensors.Count);
        for (int i = 0; i < tensors.Count; i++)
        {
            long table = tables + ((long)TableBytes * i);
            Offset(Parameters + (sizeof(uint) * (i + 1)), table);
            Number(table, table - ParameterVtable);
            Offset(table + 4, texts[i]);
            Offset(table + 8, sizes[i]);
            Number(table + 12, OnnxElementType.ToNumber(tensors[i].DType, tensors[i].Name));
            Offset(table + 16, values[i] - sizeof(uint));
            Number(texts[i], Encoding.UTF8.GetBytes(tensors[i].Name, bytes.AsSpan((int)texts[i] + sizeof(uint))));
            Number(sizes[i], tensors[i].Shape.Length);
            for (int d = 0; d < tensors[i].Shape.Length; d++)
                BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan((int)sizes[i] + sizeof(uint) + (sizeof(long) * d)), tensors[i].Shape[d]);
        }
        return (bytes, values, at);
    }

    private static long Aligned(long position) => (position + Alignment - 1) / Alignment * Alignment;

    private static void WriteVtable(Span<byte> bytes)
    {
        BinaryPrimitives.WriteInt16LittleEndian(bytes, VtableBytes);
        BinaryPrimitives.WriteInt16LittleEndian(bytes[2..], TableBytes);
        for (int field = 0; field < Fields; field++)
            BinaryPrimitives.WriteInt16LittleEndian(bytes[(4 + (2 * field))..], (short)(sizeof(uint) * (field + 1)));
    }
}
