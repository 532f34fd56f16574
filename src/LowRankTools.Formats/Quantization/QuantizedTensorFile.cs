using LowRankTools.Formats.Files;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Quantization;

/// <summary>A file some of whose matrices are stored as levels and scales: it lists each as one tensor of float32 values.</summary>
internal sealed class QuantizedTensorFile : TensorFile
{
    private readonly TensorFile _stored;

    private QuantizedTensorFile(TensorFile stored, IReadOnlyList<TensorInfo> tensors) => (_stored, Tensors) = (stored, tensors);

    /// <summary>The file as it should be read: itself where nothing in it is quantised so.</summary>
    public static TensorFile Of(TensorFile stored)
    {
        if (stored.Format is not (ModelFormat.Safetensors or ModelFormat.PyTorch))
            return stored;
        try
        {
            IReadOnlyList<TensorInfo> tensors = QuantizedTensors.Combine(stored.Tensors);
            return ReferenceEquals(tensors, stored.Tensors) ? stored : new QuantizedTensorFile(stored, tensors);
        }
        catch
        {
            stored.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override string Path => _stored.Path;

    /// <inheritdoc/>
    public override ModelFormat Format => _stored.Format;

    /// <inheritdoc/>
    public override IReadOnlyList<TensorInfo> Tensors { get; }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> Metadata => _stored.Metadata;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Files => _stored.Files;

    /// <inheritdoc/>
    public override long FileBytes => _stored.FileBytes;

    /// <inheritdoc/>
    public override RemoteTransfer? Transfer => _stored.Transfer;

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => _stored.Dispose();
}
