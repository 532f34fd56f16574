using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using LowRankTools.Formats;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Tensors;

/// <summary>
/// Tensors of model files as those of <c>System.Numerics.Tensors</c>. Shapes are the file's, slowest first; a scalar becomes a tensor
/// of one number. Values are read when they are asked for: a file that is open costs its header.
/// </summary>
public static class TensorReading
{
    /// <summary>The tensor of a name.</summary>
    /// <param name="file">An opened model.</param>
    /// <param name="name">Name as the file has it.</param>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    public static TensorInfo FindTensor(this TensorFile file, string name)
    {
        ArgumentNullException.ThrowIfNull(file);
        return file.Tensors.FirstOrDefault(t => t.Name == name) ?? throw new KeyNotFoundException($"{file.Path}: there is no tensor '{name}'.");
    }

    /// <summary>Sizes of a tensor as <c>System.Numerics.Tensors</c> takes them; one of a scalar.</summary>
    /// <param name="tensor">A tensor of an opened model.</param>
    /// <exception cref="OverflowException">A size has no room in a native integer.</exception>
    public static nint[] Lengths(this TensorInfo tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        return tensor.Shape.IsEmpty ? [1] : [.. tensor.Shape.Select(s => checked((nint)s))];
    }

    /// <summary>Reads a whole tensor, converted to float32 from whatever type it is stored in, quantised ones included.</summary>
    /// <param name="file">An opened model.</param>
    /// <param name="name">Name as the file has it.</param>
    /// <param name="cancellationToken">Stops between pieces.</param>
    /// <exception cref="KeyNotFoundException">There is no such tensor.</exception>
    /// <exception cref="ArgumentException">It has more elements than an array holds: read it by rows.</exception>
    /// <exception cref="ModelFormatException"><c>ValuesUnsupported</c>, <c>TensorTruncated</c>.</exception>
    public static Tensor<float> ReadTensor(this TensorFile file, string name, CancellationToken cancellationToken = default)
    {
        TensorInfo tensor = file.FindTensor(name);
        float[] values = new float[Count(tensor)];
        file.ReadSingles(tensor, 0, values, cancellationToken);
        return Tensor.Create(values, tensor.Lengths());
    }

    /// <summary>Reads a whole tensor as it is stored, without conversion.</summary>
    /// <typeparam name="T">The stored type: float for F32, double for F64, Half for F16, and the integers and bool of the same width.</typeparam>
    /// <param name="file">An opened model.</param>
    /// <param name="name">Name as the file has it.</param>
    /// <exception cref="KeyNotFoundException">There is no such tensor.</exception>
    /// <exception cref="ArgumentException">It is stored in another type, or has more elements than an array holds.</exception>
    /// <exception cref="ModelFormatException"><c>TensorTruncated</c>.</exception>
    public static Tensor<T> ReadStored<T>(this TensorFile file, string name)
        where T : unmanaged
    {
        TensorInfo tensor = file.FindTensor(name);
        if (StoredAs<T>() != tensor.DType)
            throw new ArgumentException($"{file.Path}: '{name}' is stored as {tensor.DType}, which is not {typeof(T).Name}; ReadTensor converts it to float32.", nameof(name));
        T[] values = new T[Count(tensor)];
        file.ReadBytes(tensor, 0, MemoryMarshal.AsBytes(values.AsSpan()));
        return Tensor.Create(values, tensor.Lengths());
    }

    /// <summary>Reads consecutive rows (slices of the first dimension) as float32 into memory of the caller, of which nothing more is needed.</summary>
    /// <param name="file">An opened model.</param>
    /// <param name="name">Name as the file has it.</param>
    /// <param name="firstRow">Index of the first row; where the type is stored in blocks, rows are whole blocks.</param>
    /// <param name="destination">Dense; its first size is how many rows are read, its others are those of the tensor.</param>
    /// <param name="cancellationToken">Stops between pieces.</param>
    /// <exception cref="KeyNotFoundException">There is no such tensor.</exception>
    /// <exception cref="ArgumentException">The destination is not dense, or its shape is not that of rows of the tensor.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The rows are not all in the tensor.</exception>
    /// <exception cref="ModelFormatException"><c>ValuesUnsupported</c>, <c>TensorTruncated</c>.</exception>
    public static void ReadRows(this TensorFile file, string name, long firstRow, scoped in TensorSpan<float> destination, CancellationToken cancellationToken = default)
    {
        TensorInfo tensor = file.FindTensor(name);
        nint[] lengths = tensor.Lengths();
        if (!destination.IsDense || destination.Rank != lengths.Length || !destination.Lengths[1..].SequenceEqual(lengths.AsSpan(1)))
            throw new ArgumentException($"The destination is not dense, or no rows of '{name}' of shape [{string.Join(", ", lengths)}].", nameof(destination));
        ArgumentOutOfRangeException.ThrowIfNegative(firstRow);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstRow, lengths[0] - destination.Lengths[0]);
        if (destination.FlattenedLength == 0)
            return;
        Span<float> flat = MemoryMarshal.CreateSpan(ref destination.GetPinnableReference(), checked((int)destination.FlattenedLength));
        file.ReadSingles(tensor, firstRow * (tensor.ElementCount / lengths[0]), flat, cancellationToken);
    }

    private static int Count(TensorInfo tensor) => tensor.ElementCount <= Array.MaxLength ? (int)tensor.ElementCount
        : throw new ArgumentException($"'{tensor.Name}' has {tensor.ElementCount} elements, more than an array holds: read it with ReadRows.", nameof(tensor));

    // Files and this are little-endian; what bytes mean on other machines is not said here.
    private static TensorDType? StoredAs<T>() => default(T) switch
    {
        float => TensorDType.F32,
        double => TensorDType.F64,
        Half => TensorDType.F16,
        sbyte => TensorDType.I8,
        byte => TensorDType.U8,
        short => TensorDType.I16,
        ushort => TensorDType.U16,
        int => TensorDType.I32,
        uint => TensorDType.U32,
        long => TensorDType.I64,
        ulong => TensorDType.U64,
        bool => TensorDType.BOOL,
        _ => null,
    };
}
