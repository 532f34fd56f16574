using LowRankTools.Core.Factorization;
using LowRankTools.Core.Factors;
using LowRankTools.Core.Output;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Parts;

/// <summary>Pairs that parts have computed, copied byte for byte; every layer is held against the checksum that its part noted.</summary>
internal sealed class StoredPairs(IReadOnlyList<PartFile> parts) : IPairSource
{
    private const int PieceBytes = 4 * 1024 * 1024;

    private readonly byte[] _buffer = new byte[PieceBytes];

    /// <inheritdoc/>
    /// <exception cref="LowRankToolsException"><c>PartInvalid</c>: a part lacks the layer, or its bytes are not those that were written.</exception>
    public IReadOnlyList<MeasuredPair> Write(FactoredItem pair, ModelOutput output, CancellationToken cancellationToken)
    {
        string name = pair.Plan.Name;
        PartFile part = parts.FirstOrDefault(p => p.Find(name) is not null)
            ?? throw PartFile.Invalid(Path.GetDirectoryName(parts[0].Path)!, $"no part holds the layer '{name}'");
        PartLayer layer = part.Find(name)!;
        PartChecksum checksum = new();
        foreach (TensorSpec factor in pair.Factors)
            Copy(part, factor, output, checksum, cancellationToken);
        if (layer.Checked(checksum) != layer)
            throw PartFile.Invalid(part.Path, $"the bytes of '{name}', or what was measured of them, are not those that were written");
        return [new MeasuredPair(layer.Error, layer.SquaredNorm, layer.Algorithm, null, layer.Calibrated, layer.HeldOut)];
    }

    /// <summary>Nothing: who opened the parts closes them.</summary>
    public void Dispose()
    {
    }

    private void Copy(PartFile part, TensorSpec spec, ModelOutput output, PartChecksum checksum, CancellationToken cancellationToken)
    {
        TensorInfo factor = part.Factor(spec);
        output.Writing(() => output.Writer.Begin(spec));
        for (long done = 0; done < factor.ByteLength; done += PieceBytes)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int count = (int)Math.Min(PieceBytes, factor.ByteLength - done);
            part.Read(factor, done, _buffer.AsSpan(0, count));
            checksum.Append(_buffer.AsSpan(0, count));
            output.Writing(() => output.Writer.Write(_buffer.AsSpan(0, count)));
        }
    }
}
