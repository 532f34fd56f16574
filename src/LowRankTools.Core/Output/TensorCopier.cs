using LowRankTools.Core.Storage;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.PyTorch;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Core.Output;

/// <summary>Writes what needs no computing: tensors copied in pieces, whatever their size, second names and zeros.</summary>
internal sealed class TensorCopier(TensorFile source, ModelOutput output)
{
    private const int PieceBytes = 4 * 1024 * 1024;

    private readonly byte[] _buffer = new byte[PieceBytes];

    /// <summary>Carries out a step. Only PyTorch's files hold a second name; elsewhere the metadata says it.</summary>
    /// <exception cref="LowRankTools.Numerics.LowRankToolsException"><c>ValuesOverflow</c>.</exception>
    public void Write(OutputItem item, CancellationToken cancellationToken)
    {
        switch (item)
        {
            case OutputItem.Alias alias when output.Writer is PyTorchModelWriter writer:
                output.Writing(() => writer.WriteAlias(alias.Spec, alias.Existing));
                break;
            case OutputItem.Copy copy:
                Copy(copy.Tensor, copy.Spec, cancellationToken);
                break;
            case OutputItem.Zeros zeros:
                Zeros(zeros.Spec);
                break;
        }
    }

    // Its bytes where the type stays, its values where it changes.
    private void Copy(TensorInfo tensor, TensorSpec spec, CancellationToken cancellationToken)
    {
        output.Writing(() => output.Writer.Begin(spec));
        if (spec.DType == tensor.DType)
            CopyBytes(tensor, cancellationToken);
        else
            Convert(tensor, spec.DType, cancellationToken);
    }

    private void Zeros(TensorSpec spec)
    {
        _buffer.AsSpan().Clear();
        output.Writing(() =>
        {
            output.Writer.Begin(spec);
            for (long left = spec.ByteLength; left > 0; left -= PieceBytes)
                output.Writer.Write(_buffer.AsSpan(0, (int)Math.Min(PieceBytes, left)));
        });
    }

    private void CopyBytes(TensorInfo tensor, CancellationToken cancellationToken)
    {
        for (long done = 0; done < tensor.ByteLength; done += PieceBytes)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int count = (int)Math.Min(PieceBytes, tensor.ByteLength - done);
            source.ReadBytes(tensor, done, _buffer.AsSpan(0, count));
            output.Writing(() => output.Writer.Write(_buffer.AsSpan(0, count)));
        }
    }

    private void Convert(TensorInfo tensor, TensorDType dtype, CancellationToken cancellationToken)
    {
        // A multiple of every block that a packed type has.
        int most = PieceBytes / sizeof(double);
        float[] values = new float[Math.Min(most, tensor.ElementCount)];
        for (long done = 0; done < tensor.ElementCount; done += most)
        {
            int count = (int)Math.Min(most, tensor.ElementCount - done);
            source.ReadSingles(tensor, done, values.AsSpan(0, count), cancellationToken);
            Span<byte> bytes = _buffer.AsSpan(0, (int)dtype.ByteLength(count));
            StoredType.Encode(dtype, values.AsSpan(0, count), bytes, $"{source.Path}: tensor '{tensor.Name}'");
            int length = bytes.Length;
            output.Writing(() => output.Writer.Write(_buffer.AsSpan(0, length)));
        }
    }
}
