using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Onnx;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.OnnxAdapters;

/// <summary>
/// An adapter file of ONNX Runtime (<c>.onnx_adapter</c>): parameters that take the place of a graph's inputs of the same names. Listed as they
/// are stored.
/// </summary>
public sealed class OnnxAdapterFile : SingleTensorFile
{
    // Of names and sizes, which stand in memory; values do not.
    private const long MostHeadBytes = 100_000_000;

    private const int MostNameBytes = 1 << 16;

    private readonly List<TensorInfo> _tensors;
    private readonly Dictionary<string, string> _metadata;

    /// <summary>Opens a file and reads what comes before its values.</summary>
    /// <param name="path">Full path.</param>
    /// <exception cref="ModelFormatException"><c>UnknownFormat</c>, <c>VersionUnsupported</c>, <c>HeaderInvalid</c>, <c>HeaderTooLarge</c>, <c>HeaderTruncated</c>,
    /// <c>DuplicateTensor</c>, <c>DTypeUnsupported</c>, <c>ShapeOverflow</c>, <c>TensorSizeMismatch</c>.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public OnnxAdapterFile(string path)
        : base(new ModelFileHandle(path)) => (_tensors, _metadata) = ReadOrClose(Read);

    /// <inheritdoc/>
    public override ModelFormat Format => ModelFormat.OnnxAdapter;

    /// <inheritdoc/>
    public override IReadOnlyList<TensorInfo> Tensors => _tensors;

    /// <summary>Versions of the adapter and of the model that it is for.</summary>
    public override IReadOnlyDictionary<string, string> Metadata => _metadata;

    private (List<TensorInfo> Tensors, Dictionary<string, string> Metadata) Read()
    {
        Span<byte> identifier = stackalloc byte[4];
        Source.ReadExactly(4, identifier, FormatErrors.HeaderTruncated);
        if (!identifier.SequenceEqual(OnnxAdapterLayout.Identifier))
            throw new ModelFormatException(FormatErrors.UnknownFormat, "This is no adapter of ONNX Runtime: its identifier is missing.", Path);
        if (Source.Length > OnnxAdapterLayout.MostBytes)
            throw new ModelFormatException(FormatErrors.HeaderTooLarge, $"The file has {Source.Length} bytes; a FlatBuffer has at most {OnnxAdapterLayout.MostBytes}.", Path);
        FlatTable root = FlatTable.Root(Source);
        if (root.Number(0) != OnnxAdapterLayout.Version)
            throw new ModelFormatException(FormatErrors.VersionUnsupported, $"Version {root.Number(0)} of the format is not read here, only {OnnxAdapterLayout.Version}.", Path);
        Dictionary<string, string> metadata = new(StringComparer.Ordinal)
        {
            ["adapter_version"] = FormattableString.Invariant($"{root.Number(1)}"),
            ["model_version"] = FormattableString.Invariant($"{root.Number(2)}"),
        };
        List<TensorInfo> tensors = [];
        (long start, long count) = root.Vector(3, sizeof(uint));
        HashSet<string> names = new(StringComparer.Ordinal);
        long held = 0;
        for (long i = 0; i < count; i++)
        {
            TensorInfo tensor = Parameter(root.Table(start + (i * sizeof(uint))));
            // Tables may be told of more than once: a small file must not become a large list.
            held += 256 + (2 * tensor.Name.Length);
            if (held > MostHeadBytes)
                throw new ModelFormatException(FormatErrors.HeaderTooLarge, $"More than {i} parameters are more than is held in memory.", Path);
            if (!names.Add(tensor.Name))
                throw new ModelFormatException(FormatErrors.DuplicateTensor, $"There are two parameters '{tensor.Name}'.", Path, tensor.Name);
            tensors.Add(tensor);
        }
        return (tensors, metadata);
    }

    private TensorInfo Parameter(FlatTable table)
    {
        (long text, long length) = table.Vector(0, 1);
        if (length is 0 or > MostNameBytes)
            throw new ModelFormatException(FormatErrors.HeaderInvalid, $"A parameter's name has {length} bytes.", Path);
        byte[] bytes = new byte[length];
        Source.ReadExactly(text, bytes, FormatErrors.HeaderTruncated);
        string name = Encoding.UTF8.GetString(bytes);
        (long sizes, long rank) = table.Vector(1, sizeof(long));
        if (rank > TensorShape.MaxDimensions)
            throw new ModelFormatException(FormatErrors.ShapeOverflow, $"'{name}' has {rank} dimensions.", Path, name);
        byte[] dims = new byte[rank * sizeof(long)];
        Source.ReadExactly(sizes, dims, FormatErrors.HeaderTruncated);
        ImmutableArray<long> shape = [.. Enumerable.Range(0, (int)rank).Select(d => BinaryPrimitives.ReadInt64LittleEndian(dims.AsSpan(d * sizeof(long))))];
        (long values, long stored) = table.Vector(3, 1);
        TensorInfo tensor = new(name, OnnxElementType.ToDType(table.Number(2), name), shape, new FileRegion(Source, values, stored));
        return tensor.ByteLength == stored ? tensor
            : throw new ModelFormatException(FormatErrors.TensorSizeMismatch, $"'{name}' has {stored} bytes, and its shape and type ask for {tensor.ByteLength}.", Path, name);
    }
}
