using LowRankTools.Core.Factors;
using LowRankTools.Core.Output;
using LowRankTools.Core.Storage;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Quantization;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Factorization;

/// <summary>Writes a weight that stays dense as levels and scales, some rows at a time; only the scales wait in memory.</summary>
internal static class DenseQuantizer
{
    private const int PieceElements = 1 << 20;

    /// <summary>Writes it.</summary>
    /// <returns>||W - W'|| / ||W|| of what is stored, and ||W||^2.</returns>
    /// <exception cref="LowRankToolsException"><c>NonFiniteValues</c>, <c>ValuesOverflow</c>.</exception>
    public static MeasuredPair Write(TensorFile file, OutputItem.Quantized item, ModelOutput output, CancellationToken cancellationToken)
    {
        WeightQuantization kind = item.Kind;
        int rows = checked((int)item.Tensor.Shape[0]), columns = checked((int)item.Tensor.Shape[1]);
        int step = Math.Clamp(PieceElements / columns, 1, rows), levelBytes = (int)QuantizedLayout.LevelBytes(kind, columns), scaleBytes = (int)QuantizedLayout.ScaleBytes(kind, columns);
        float[] values = new float[(long)step * columns], stored = new float[columns];
        bool blocks = item.Parts.Count == 1;
        byte[] levels = new byte[levelBytes], written = new byte[(long)step * (levelBytes + (blocks ? scaleBytes : 0))];
        byte[][] scales = new byte[rows][];
        double difference = 0, norm = 0;
        output.Writing(() => output.Writer.Begin(item.Parts[0]));
        for (int first = 0; first < rows; first += step)
        {
            int count = Math.Min(step, rows - first), length = count * (written.Length / step);
            file.ReadSingles(item.Tensor, (long)first * columns, values.AsSpan(0, count * columns), cancellationToken);
            for (int i = 0; i < count; i++)
            {
                ReadOnlySpan<float> row = values.AsSpan(i * columns, columns);
                StoredType.EncodeComputed(QuantizedLayout.BlockType(kind) ?? TensorDType.F32, row, [], $"{file.Path}: tensor '{item.Tensor.Name}'");
                byte[] own = scales[first + i] = new byte[scaleBytes];
                QuantizedRow.Encode(kind, row, levels, own);
                QuantizedRow.Decode(kind, levels, own, stored);
                for (int j = 0; j < columns; j++)
                {
                    double off = (double)row[j] - stored[j];
                    (difference, norm) = (difference + off * off, norm + (double)row[j] * row[j]);
                }
                Span<byte> place = written.AsSpan(i * (written.Length / step), written.Length / step);
                if (blocks)
                    QuantizedRow.ToBlocks(kind, levels, own, place);
                else
                    levels.CopyTo(place);
            }
            output.Writing(() => output.Writer.Write(written.AsSpan(0, length)));
        }
        WriteRest(output, item, scales);
        double error = norm == 0 ? 0 : Math.Sqrt(difference / norm);
        return new MeasuredPair(error, norm, $"rounded to {kind}", null, null, null) { Quantization = error };
    }

    private static void WriteRest(ModelOutput output, OutputItem.Quantized item, byte[][] scales)
    {
        if (item.Parts.Count < 2)
            return;
        output.Writing(() =>
        {
            output.Writer.Begin(item.Parts[1]);
            foreach (byte[] row in scales)
                output.Writer.Write(row);
        });
        if (item.Parts.Count > 2)
            QuantizedMatrix.WriteShape(output, item.Parts[2], item.Tensor.Shape[0], item.Tensor.Shape[1]);
    }
}
