using System.Buffers.Binary;
using LowRankTools.Core.Output;
using LowRankTools.Core.Storage;
using LowRankTools.Formats.Quantization;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Factors;

/// <summary>A factor as levels and scales: exactly what is written, so that the error that was measured is that of the file.</summary>
internal sealed class QuantizedMatrix
{
    private readonly WeightQuantization _kind;
    private readonly byte[][] _levels, _scales;

    private QuantizedMatrix(WeightQuantization kind, byte[][] levels, byte[][] scales) => (_kind, _levels, _scales) = (kind, levels, scales);

    /// <summary>Bytes that it holds.</summary>
    public long Bytes => _levels.Length == 0 ? 0 : _levels.LongLength * (_levels[0].Length + _scales[0].Length);

    /// <summary>Rounds each row to levels and replaces it by what will be read back.</summary>
    /// <param name="kind">To what.</param>
    /// <param name="matrix">Rows as they are stored, or a transposed view of the columns that are.</param>
    /// <exception cref="LowRankToolsException"><c>NonFiniteValues</c>, <c>ValuesOverflow</c>.</exception>
    public static QuantizedMatrix Replace(WeightQuantization kind, MatrixView<float> matrix)
    {
        using Matrix<float> row = Matrix<float>.Uninitialized(1, matrix.Columns);
        byte[][] levels = new byte[matrix.Rows][], scales = new byte[matrix.Rows][];
        for (int i = 0; i < matrix.Rows; i++)
        {
            matrix.Slice(i, 0, 1, matrix.Columns).CopyTo(row.View);
            Span<float> values = row.Row(0);
            // The largest magnitude that a scale has room for.
            StoredType.EncodeComputed(QuantizedLayout.BlockType(kind) ?? TensorDType.F32, values, [], "its factors");
            levels[i] = new byte[QuantizedLayout.LevelBytes(kind, matrix.Columns)];
            scales[i] = new byte[QuantizedLayout.ScaleBytes(kind, matrix.Columns)];
            QuantizedRow.Encode(kind, values, levels[i], scales[i]);
            QuantizedRow.Decode(kind, levels[i], scales[i], values);
            row.View.CopyTo(matrix.Slice(i, 0, 1, matrix.Columns));
        }
        return new QuantizedMatrix(kind, levels, scales);
    }

    /// <summary>Writes the tensors that stand for it.</summary>
    /// <param name="output">Where they go.</param>
    /// <param name="parts">Them: blocks of GGUF, or levels and scales, of a graph with a scale for each column.</param>
    /// <param name="byColumns">Whether the tensor's columns are the rows of this matrix, as in a graph.</param>
    /// <param name="cancellationToken">Stops between rows.</param>
    public void Write(ModelOutput output, IReadOnlyList<TensorSpec> parts, bool byColumns, CancellationToken cancellationToken)
    {
        if (parts.Count == 1)
        {
            WriteBlocks(output, parts[0], cancellationToken);
            return;
        }
        output.Writing(() => output.Writer.Begin(parts[0]));
        if (byColumns)
            WriteColumns(output, cancellationToken);
        else
            Write(output, _levels, cancellationToken);
        output.Writing(() => output.Writer.Begin(parts[1]));
        Write(output, _scales, cancellationToken);
        if (parts.Count > 2)
            WriteShape(output, parts[2], _levels.Length, _levels[0].LongLength * 2);
    }

    /// <summary>Writes the two sizes of a matrix whose levels are packed.</summary>
    public static void WriteShape(ModelOutput output, TensorSpec spec, long rows, long columns)
    {
        byte[] sizes = new byte[2 * sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(sizes, rows);
        BinaryPrimitives.WriteInt64LittleEndian(sizes.AsSpan(sizeof(long)), columns);
        output.Writing(() =>
        {
            output.Writer.Begin(spec);
            output.Writer.Write(sizes);
        });
    }

    private static void Write(ModelOutput output, byte[][] rows, CancellationToken cancellationToken)
    {
        foreach (byte[] row in rows)
        {
            cancellationToken.ThrowIfCancellationRequested();
            output.Writing(() => output.Writer.Write(row));
        }
    }

    private void WriteColumns(ModelOutput output, CancellationToken cancellationToken)
    {
        byte[] column = new byte[_levels.Length];
        for (int j = 0; j < _levels[0].Length; j++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            for (int i = 0; i < column.Length; i++)
                column[i] = _levels[i][j];
            output.Writing(() => output.Writer.Write(column));
        }
    }

    private void WriteBlocks(ModelOutput output, TensorSpec spec, CancellationToken cancellationToken)
    {
        byte[] blocks = new byte[_levels[0].Length + _scales[0].Length];
        output.Writing(() => output.Writer.Begin(spec));
        for (int i = 0; i < _levels.Length; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            QuantizedRow.ToBlocks(_kind, _levels[i], _scales[i], blocks);
            output.Writing(() => output.Writer.Write(blocks));
        }
    }
}
