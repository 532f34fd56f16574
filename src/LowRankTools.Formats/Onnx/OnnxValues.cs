using System.Globalization;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.PyTorch;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Onnx;

/// <summary>
/// Finds the values of tensors: in <c>raw_data</c>, in a typed field, or in a file beside the model. Files beside
/// it are opened once and belong to this object.
/// </summary>
internal sealed class OnnxValues(ModelFileHandle model) : IDisposable
{
    private readonly Dictionary<string, ModelFileHandle> _external = new(StringComparer.Ordinal);
    private readonly List<ModelFileHandle> _files = [];

    /// <summary>Files beside the model, in the order in which tensors name them.</summary>
    public IReadOnlyList<ModelFileHandle> ExternalFiles => _files;

    /// <summary>Describes one tensor for users.</summary>
    /// <exception cref="ModelFormatException">Its values are not there, or are not as many as its shape says.</exception>
    public TensorInfo Describe(OnnxTensor tensor, string name, TensorDType dtype, TensorRole role)
    {
        // The shape is checked by the description itself; its sizes are needed to find the values.
        TensorInfo probe = new(name, dtype, tensor.Dims, new MemoryRegion(default));
        return new TensorInfo(name, dtype, tensor.Dims, Source(tensor, probe)) { Role = role };
    }

    /// <summary>Describes a matrix as its transpose.</summary>
    /// <exception cref="ModelFormatException">As above.</exception>
    public TensorInfo DescribeTransposed(OnnxTensor tensor, string name, TensorDType dtype)
    {
        TensorInfo stored = Describe(tensor, name, dtype, TensorRole.MatMulRight);
        (long rows, long columns) = (tensor.Dims[0], tensor.Dims[1]);
        FileRegion region = (FileRegion)stored.Source;
        StridedLayout layout = new([columns, rows], [1, columns]);
        StridedSource turned = new(region.File, region.Start, rows * columns, layout, dtype.BlockBytes(), 1, stored.ByteLength, null);
        return new TensorInfo(name, dtype, [columns, rows], turned) { Role = TensorRole.LinearWeight };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (ModelFileHandle file in _files)
            file.Dispose();
    }

    private ITensorSource Source(OnnxTensor tensor, TensorInfo info)
    {
        if (tensor.External is { } external)
            return External(external, info);
        if (tensor.Raw.Length > 0)
        {
            Check(tensor.Raw.Length == info.ByteLength, info, tensor.Raw.Length);
            return new FileRegion(model, tensor.Raw.Start, tensor.Raw.Length);
        }
        int field = OnnxElementType.DataField(info.DType);
        if (!tensor.Typed.TryGetValue(field, out RepeatedNumbers? numbers) || numbers.Length == 0)
        {
            Check(info.ByteLength == 0, info, 0);
            return new MemoryRegion(default);
        }
        ITensorSource encoded = numbers.Encoded(model);
        if (OnnxTensorReader.SingleType(field) != WireType.Varint)
        {
            Check(numbers.Length == info.ByteLength, info, numbers.Length);
            return encoded;
        }
        // One integer of the field is one element, or one byte of two 4-bit elements.
        int width = info.DType.BlockBytes();
        return new VarintRegion(encoded, numbers.Length, info.ByteLength / width, width, info.Name);
    }

    private FileRegion External(Dictionary<string, string> external, TensorInfo info)
    {
        string location = external["location"];
        long offset = Number(external, "offset", 0, info);
        Check(Number(external, "length", info.ByteLength, info) == info.ByteLength, info, -1);
        if (!_external.TryGetValue(location, out ModelFileHandle? file))
            _external[location] = file = Open(location);
        if (offset > file.Length || file.Length - offset < info.ByteLength)
        {
            throw new ModelFormatException(FormatErrors.TensorTruncated,
                $"Tensor '{info.Name}' lies at byte {offset} of '{location}', which has {file.Length} bytes.", model.Path, info.Name,
                "Download or copy the model's data files again.");
        }
        return new FileRegion(file, offset, info.ByteLength);
    }

    private ModelFileHandle Open(string location)
    {
        string path = SiblingPath.Resolve(model.Path, location);
        ModelFileHandle? file = _files.Find(f => f.Path == path);
        if (file is null)
            _files.Add(file = new ModelFileHandle(path));
        return file;
    }

    private static long Number(Dictionary<string, string> external, string key, long otherwise, TensorInfo info)
    {
        if (!external.TryGetValue(key, out string? text))
            return otherwise;
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number))
            return number;
        throw new ModelFormatException(FormatErrors.HeaderInvalid, $"Tensor '{info.Name}' has the {key} '{text}' in its data file.", tensor: info.Name);
    }

    private static void Check(bool fits, TensorInfo info, long found)
    {
        if (fits)
            return;
        throw new ModelFormatException(FormatErrors.TensorSizeMismatch, found < 0
            ? $"Tensor '{info.Name}' needs {info.ByteLength} bytes and its data file is said to have another number."
            : $"Tensor '{info.Name}' needs {info.ByteLength} bytes and has {found}.", tensor: info.Name);
    }
}
