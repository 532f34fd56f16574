using System.Buffers.Binary;

namespace LowRankTools.Formats;

/// <summary>Writes an adapter file of ONNX Runtime (<c>.onnx_adapter</c>), parameter by parameter.</summary>
public sealed class OnnxAdapterWriter : ITensorWriter
{
    private readonly string _path;
    private readonly TensorSpec[] _tensors;
    private readonly long[] _values;
    private readonly TemporaryFile _file;
    private int _begun;
    private long _missing;

    /// <summary>Starts a file and writes what comes before the values.</summary>
    /// <param name="path">Full path of the file.</param>
    /// <param name="tensors">Every parameter that will be written, in order.</param>
    /// <param name="place">Whose temporary file it is; null for nobody's.</param>
    /// <exception cref="ModelFormatException"><c>DTypeUnsupported</c>: ONNX has no number for a type; <c>DuplicateTensor</c>; <c>HeaderTooLarge</c>: more than 2 GiB.</exception>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public OnnxAdapterWriter(string path, IEnumerable<TensorSpec> tensors, OutputPlace? place = null)
    {
        _path = path;
        _tensors = [.. tensors];
        byte[] head;
        try
        {
            (head, _values, _) = OnnxAdapterLayout.Plan(_tensors);
        }
        catch (ModelFormatException e)
        {
            throw e.In(path);
        }
        _file = new TemporaryFile(Path.GetDirectoryName(path)!, place);
        _file.Append(head);
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The tensor is not the next one that was announced.</exception>
    public void Begin(TensorSpec tensor)
    {
        if (_missing != 0)
            throw new InvalidOperationException($"The tensor before '{tensor.Name}' lacks {_missing} bytes.");
        if (_begun == _tensors.Length || _tensors[_begun] is var next && (next.Name != tensor.Name || next.DType != tensor.DType || !next.Shape.SequenceEqual(tensor.Shape)))
            throw new InvalidOperationException($"Tensor '{tensor}' is not the next one that was announced.");
        // The length stands right before the values, which begin at a multiple of eight.
        Span<byte> gap = stackalloc byte[2 * OnnxAdapterLayout.Alignment];
        gap = gap[..(int)(_values[_begun] - _file.Length)];
        gap.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(gap[^sizeof(uint)..], (uint)tensor.ByteLength);
        _file.Append(gap);
        _missing = tensor.ByteLength;
        _begun++;
    }

    /// <inheritdoc/>
    public void Write(ReadOnlySpan<byte> data)
    {
        if (data.Length > _missing)
            throw new InvalidOperationException($"{data.Length - _missing} bytes more than the tensor's shape needs.");
        _file.Append(data);
        _missing -= data.Length;
    }

    /// <inheritdoc/>
    public IReadOnlyList<PendingFile> Finish(IReadOnlyDictionary<string, string>? metadata = null)
    {
        if (_missing != 0 || _begun < _tensors.Length)
            throw new InvalidOperationException($"The adapter lacks {_missing} bytes of a tensor and {_tensors.Length - _begun} tensors.");
        _file.Flush();
        return [new PendingFile(_file, _path)];
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
