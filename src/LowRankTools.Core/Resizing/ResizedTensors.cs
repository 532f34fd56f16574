using LowRankTools.Core.Architectures;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Storage;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Resizing;

/// <summary>Writes the tensors of feed-forward parts that get smaller; each part is computed when its first tensor is due.</summary>
/// <param name="model">The opened model.</param>
/// <param name="output">Where they go.</param>
/// <param name="fit">Computes a part.</param>
internal sealed class ResizedTensors(Model model, ModelOutput output, Func<FeedForwardPart, FittedPart> fit) : IDisposable
{
    private readonly Dictionary<FeedForwardPart, FittedPart> _parts = new(ReferenceEqualityComparer.Instance);

    /// <summary>What the parts lost, in the order of the file.</summary>
    public IEnumerable<ResizedPart> Results => _parts.Values.Select(p => p.Result);

    /// <summary>Writes one tensor.</summary>
    /// <exception cref="LowRankToolsException">Those of the computation; <c>ValuesOverflow</c>, and those of the disk.</exception>
    public void Write(ResizedItem item, CancellationToken cancellationToken)
    {
        if (!_parts.TryGetValue(item.Part, out FittedPart? part))
            _parts[item.Part] = part = fit(item.Part);
        ModelLayer layer = item.Layer;
        if (ReferenceEquals(layer, item.Part.Down))
        {
            MatrixRows.Write(output, item.Spec, layer.Shape.Orientation == WeightOrientation.InOut ? part.Down.Transposed : part.Down.View, model.Source.Path, cancellationToken);
            part.Down.Dispose();
        }
        else if (layer.Shape.Orientation == WeightOrientation.InOut)
        {
            WriteColumns(item, part.Units, cancellationToken);
        }
        else
        {
            WriteRows(item, part.Units, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (FittedPart part in _parts.Values)
            part.Dispose();
    }

    // A unit's row is whole blocks of any type: it stays bit for bit where the type stays.
    private void WriteRows(ResizedItem item, int[] units, CancellationToken cancellationToken)
    {
        TensorInfo tensor = item.Layer.Tensor;
        int columns = tensor.Shape.Length == 1 ? 1 : checked((int)tensor.Shape[^1]);
        if (item.Spec.DType != tensor.DType)
        {
            using Matrix<float> rows = Matrix<float>.Uninitialized(units.Length, columns);
            for (int i = 0; i < units.Length; i++)
                model.File.ReadSingles(tensor, (long)units[i] * columns, rows.Row(i), cancellationToken);
            MatrixRows.Write(output, item.Spec, rows.View, model.Source.Path, cancellationToken);
            return;
        }
        byte[] row = new byte[tensor.DType.ByteLength(columns)];
        output.Writing(() => output.Writer.Begin(item.Spec));
        foreach (int unit in units)
        {
            cancellationToken.ThrowIfCancellationRequested();
            model.File.ReadBytes(tensor, (long)unit * row.Length, row);
            output.Writing(() => output.Writer.Write(row));
        }
    }

    private void WriteColumns(ResizedItem item, int[] units, CancellationToken cancellationToken)
    {
        using Matrix<float> stored = WeightMatrix.Read(model.File, item.Layer.Tensor, cancellationToken), kept = Matrix<float>.Uninitialized(stored.Rows, units.Length);
        for (int i = 0; i < stored.Rows; i++)
        {
            ReadOnlySpan<float> row = stored.Row(i);
            for (int j = 0; j < units.Length; j++)
                kept[i, j] = row[units[j]];
        }
        MatrixRows.Write(output, item.Spec, kept.View, model.Source.Path, cancellationToken);
    }
}
