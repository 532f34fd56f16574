using System.Text.Json;
using LowRankTools.Formats;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Parts;

/// <summary>An opened part: its record, and the factors that it holds.</summary>
internal sealed class PartFile : IDisposable
{
    private readonly SafetensorsFile _file;
    private readonly Dictionary<string, TensorInfo> _tensors;
    private readonly Dictionary<string, PartLayer> _layers;

    private PartFile(SafetensorsFile file, PartRecord record)
    {
        (_file, Record) = (file, record);
        _tensors = file.Tensors.ToDictionary(t => t.Name, StringComparer.Ordinal);
        _layers = record.Layers.ToDictionary(l => l.Name, StringComparer.Ordinal);
    }

    /// <summary>What the part says of itself.</summary>
    public PartRecord Record { get; }

    /// <summary>Full path.</summary>
    public string Path => _file.Path;

    /// <summary>Opens a part.</summary>
    /// <exception cref="LowRankToolsException"><c>PartInvalid</c>: it is damaged, or not whole.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static PartFile Open(string path)
    {
        SafetensorsFile? file = null;
        try
        {
            file = new SafetensorsFile(path);
            if (!file.Metadata.TryGetValue(PartRecord.MetadataKey, out string? text))
                throw Invalid(path, "it has no record");
            PartRecord record = JsonSerializer.Deserialize(text, PartJson.Default.PartRecord) ?? throw Invalid(path, "its record is empty");
            if (record.Version != PartRecord.CurrentVersion || record.Part < 1 || record.Part > record.Of || record.Layers.Contains(null!) || record.Identified().Identity != record.Identity)
                throw Invalid(path, "its record contradicts itself");
            return new PartFile(file, record);
        }
        catch (Exception e) when (e is ModelFormatException or JsonException or ArgumentException)
        {
            file?.Dispose();
            throw Invalid(path, e.Message, e);
        }
        catch
        {
            file?.Dispose();
            throw;
        }
    }

    /// <summary>What was measured of a layer; null where the part does not hold it.</summary>
    public PartLayer? Find(string layer) => _layers.GetValueOrDefault(layer);

    /// <summary>A factor.</summary>
    /// <exception cref="LowRankToolsException"><c>PartInvalid</c>: it is not there, or is of another type or shape.</exception>
    public TensorInfo Factor(TensorSpec spec) =>
        _tensors.TryGetValue(spec.Name, out TensorInfo? tensor) && tensor.DType == spec.DType && tensor.Shape.SequenceEqual(spec.Shape) ? tensor
            : throw Invalid(Path, $"it does not hold '{spec.Name}' as {spec.DType} of {string.Join(" x ", spec.Shape)}");

    /// <summary>Reads bytes of a factor.</summary>
    /// <exception cref="ModelFormatException"><c>TensorTruncated</c>.</exception>
    public void Read(TensorInfo factor, long offset, Span<byte> destination) => _file.ReadBytes(factor, offset, destination);

    /// <summary>The error of a part that is damaged.</summary>
    public static LowRankToolsException Invalid(string path, string what, Exception? inner = null) =>
        new(CoreErrors.PartInvalid, $"{path}: this part is damaged or not whole: {what.TrimEnd('.')}.", "Compute it again with -Force.", inner);

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
