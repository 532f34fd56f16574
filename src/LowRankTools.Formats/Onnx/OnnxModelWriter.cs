using System.Globalization;
using System.Text.RegularExpressions;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Formats.Onnx;

/// <summary>
/// Writes an ONNX model again with factors in place of some of its weights: two MatMul in place of one, Gemm and Gather
/// alike, a chain of Conv in place of one. Every other part of the graph is copied byte for byte, and nothing is held in memory but the nodes that change. Where the
/// source keeps values in data files, the output has one data file.
/// </summary>
public sealed partial class OnnxModelWriter : IGraphWriter
{
    private const int PieceBytes = 1 << 20;

    /// <summary>Protobuf messages are shorter than this; what is longer keeps its values in data files.</summary>
    private const long MostBytes = int.MaxValue;

    private readonly string _path;
    private readonly OnnxFile _source;
    private readonly OnnxOutline _outline;
    private readonly IReadOnlyDictionary<string, string> _metadata;
    private readonly AnnouncedTensors _announced;
    private readonly TemporaryFile _file;
    private readonly TemporaryFile? _data;
    private readonly string? _dataPath;
    private bool _copied;

    /// <summary>Starts a model.</summary>
    /// <param name="path">Full path of the file.</param>
    /// <param name="source">The model that is changed; it must stay open.</param>
    /// <param name="factors">What takes the place of which weight. Their tensors are written in this order, each factor before its scales.</param>
    /// <param name="metadata">Properties that the model gets, in place of those of the same names.</param>
    /// <param name="place">Whose temporary files they are; null for nobody's.</param>
    /// <param name="generation">Which name a data file gets, <see cref="DataPath"/>.</param>
    /// <exception cref="ModelFormatException"><c>DuplicateTensor</c>: the graph has a factor's name already;
    /// <c>ValuesUnsupported</c>: values of a subgraph lie in a data file; <c>DTypeUnsupported</c>: int8 factors, and the graph's operators are too old; <c>HeaderTooLarge</c>: the model would be longer than protobuf allows.</exception>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public OnnxModelWriter(string path, OnnxFile source, IReadOnlyList<OnnxFactors> factors, IReadOnlyDictionary<string, string> metadata, OutputPlace? place = null, int generation = 1)
    {
        _path = path;
        _source = source;
        _metadata = metadata;
        _dataPath = HasData(source) ? DataPath(path, generation) : null;
        if (OnnxTensors.InSubgraphs(source.Model).FirstOrDefault(t => t.External is not null) is { } nested)
            throw new ModelFormatException(FormatErrors.ValuesUnsupported, "Values of a subgraph lie in a data file.", source.Path, nested.Name, "Write safetensors instead.");
        if (factors.FirstOrDefault(f => f.Version > source.OperatorVersion) is { } newer)
        {
            throw new ModelFormatException(FormatErrors.DTypeUnsupported, $"The graph uses version {source.OperatorVersion} of the operators; what takes the place of '{newer.Weight}' needs {newer.Version}.",
                source.Path, newer.Weight, $"Convert the model with onnx.version_converter, or write {(newer.Scales is null ? "Safetensors" : "it without -Quantize")}.");
        }
        _outline = new OnnxOutline(source, factors, metadata.Keys, Path.GetFileName(_dataPath));
        if (_outline.GraphLength > MostBytes)
            throw new ModelFormatException(FormatErrors.HeaderTooLarge, $"The graph would have {_outline.GraphLength} bytes, and protobuf allows {MostBytes}.", source.Path, remedy: "Choose smaller ranks.");
        _announced = new AnnouncedTensors([.. factors.SelectMany(f => f.Tensors)]);
        _file = new TemporaryFile(Path.GetDirectoryName(path)!, place);
        _data = _dataPath is null ? null : new TemporaryFile(Path.GetDirectoryName(path)!, place);
    }

    /// <summary>Whether a model keeps values in data files.</summary>
    public static bool HasData(OnnxFile source) => source.Files.Count > 1;

    /// <summary>Full path of the data file of a model: <c>model.onnx.data</c>, <c>model-g2.onnx.data</c> where that must stay until the new model stands.</summary>
    /// <param name="path">Full path of the model.</param>
    /// <param name="generation">1 for the plain name.</param>
    public static string DataPath(string path, int generation = 1)
    {
        string mark = generation == 1 ? "" : string.Create(CultureInfo.InvariantCulture, $"-g{generation}");
        return Path.Combine(Path.GetDirectoryName(path)!, $"{Path.GetFileNameWithoutExtension(path)}{mark}{Path.GetExtension(path)}.data");
    }

    /// <summary>Full path of the model that a file is the data file of, by its name; null for other names.</summary>
    public static string? ModelOf(string path) => DataName().Match(Path.GetFileName(path)) is { Success: true } match
        ? Path.Combine(Path.GetDirectoryName(path)!, match.Groups[1].Value + match.Groups[2].Value) : null;

    /// <summary>Copies what stays: the graph around the pairs, and values in data files. Comes before the first <see cref="Begin"/>.</summary>
    /// <inheritdoc/>
    public void CopyUnchanged(CancellationToken cancellationToken = default)
    {
        byte[] buffer = new byte[PieceBytes];
        foreach (OnnxPart part in _outline.Others)
            Copy(part, buffer, cancellationToken);
        _file.Append(new ProtobufWriter().Length(OnnxFields.ModelGraph, _outline.GraphLength).ToArray());
        foreach (OnnxPart part in _outline.Parts)
            Copy(part, buffer, cancellationToken);
        foreach (TensorInfo tensor in _outline.Moved)
        {
            PadTo(_outline.OffsetOf(tensor.Name));
            for (long done = 0; done < tensor.ByteLength; done += PieceBytes)
            {
                cancellationToken.ThrowIfCancellationRequested();
                int count = (int)Math.Min(PieceBytes, tensor.ByteLength - done);
                _source.ReadBytes(tensor, done, buffer.AsSpan(0, count));
                _data!.Append(buffer.AsSpan(0, count));
            }
        }
        _copied = true;
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The tensor is not the next one that was announced, or <see cref="CopyUnchanged"/> was not called.</exception>
    public void Begin(TensorSpec tensor)
    {
        if (!_copied)
            throw AnnouncedTensors.NotNext(tensor);
        _announced.Begin(tensor);
        _file.Append(_outline.Head(tensor));
        if (_data is not null)
            PadTo(_outline.OffsetOf(tensor.Name));
    }

    /// <inheritdoc/>
    public void Write(ReadOnlySpan<byte> data)
    {
        _announced.Take(data.Length);
        (_data ?? _file).Append(data);
    }

    /// <inheritdoc/>
    public IReadOnlyList<PendingFile> Finish(IReadOnlyDictionary<string, string>? metadata = null)
    {
        _announced.RequireAll();
        if (!_copied)
            throw _announced.Lacking();
        foreach ((string key, string value) in metadata ?? _metadata)
            _file.Append(new ProtobufWriter().Message(OnnxFields.ModelMetadata, new ProtobufWriter().Text(OnnxFields.EntryKey, key).Text(OnnxFields.EntryValue, value)).ToArray());
        _data?.Flush();
        _file.Flush();
        PendingFile model = new(_file, _path);
        return _data is null ? [model] : [new PendingFile(_data, _dataPath!), model];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _file.Dispose();
        _data?.Dispose();
    }

    private void Copy(OnnxPart part, byte[] buffer, CancellationToken cancellationToken)
    {
        if (part is OnnxPart.New made)
        {
            _file.Append(made.Bytes);
            return;
        }
        MessageSpan span = ((OnnxPart.Kept)part).Span;
        for (long at = span.Start; at < span.End; at += PieceBytes)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Span<byte> piece = buffer.AsSpan(0, (int)Math.Min(PieceBytes, span.End - at));
            _source.Handle.ReadExactly(at, piece);
            _file.Append(piece);
        }
    }

    private void PadTo(long offset)
    {
        Span<byte> zeros = stackalloc byte[64];
        zeros.Clear();
        while (_data!.Length < offset)
            _data.Append(zeros[..(int)Math.Min(zeros.Length, offset - _data.Length)]);
    }

    [GeneratedRegex(@"\A(.+?)(?:-g[0-9]{1,9})?(\.onnx)\.data\z", RegexOptions.CultureInvariant)]
    private static partial Regex DataName();
}
