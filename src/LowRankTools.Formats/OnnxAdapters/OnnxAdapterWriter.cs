using System.Buffers.Binary;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Formats.OnnxAdapters;

/// <summary>Writes an adapter file of ONNX Runtime (<c>.onnx_adapter</c>), parameter by parameter.</summary>
public sealed class OnnxAdapterWriter : ITensorWriter
{
    private readonly string _path;
    private readonly AnnouncedTensors _announced;
    private readonly long[] _values;
    private readonly TemporaryFile _file;

    /// <summary>Starts a file and writes what comes before the values.</summary>
    /// <param name="path">Full path of the file.</param>
    /// <param name="tensors">Every parameter that will be written, in order.</param>
    /// <param name="place">Whose temporary file it is; null for nobody's.</param>
    /// <exception cref="ModelFormatException"><c>DTypeUnsupported</c>: ONNX has no number for a type; <c>DuplicateTensor</c>; <c>HeaderTooLarge</c>: more than 2 GiB.</exception>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public OnnxAdapterWriter(string path, IEnumerable<TensorSpec> tensors, OutputPlace? place = null)
    {
        _path = path;
        TensorSpec[] announced = [.. tensors];
        _announced = new AnnouncedTensors(announced);
        byte[] head;
        try
        {
            (head, _values, _) = OnnxAdapterLayout.Plan(announced);
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
        _announced.Begin(tensor);
        // The length stands right before the values, which begin at a multiple of eight.
        Span<byte> gap = stackalloc byte[2 * OnnxAdapterLayout.Alignment];
        gap = gap[..(int)(_values[_announced.Begun - 1] - _file.Length)];
        gap.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(gap[^sizeof(uint)..], (uint)tensor.ByteLength);
        _file.Append(gap);
    }

    /// <inheritdoc/>
    public void Write(ReadOnlySpan<byte> data)
    {
        _announced.Take(data.Length);
        _file.Append(data);
    }

    /// <inheritdoc/>
    public IReadOnlyList<PendingFile> Finish(IReadOnlyDictionary<string, string>? metadata = null)
    {
        _announced.RequireAll();
        _file.Flush();
        return [new PendingFile(_file, _path)];
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
