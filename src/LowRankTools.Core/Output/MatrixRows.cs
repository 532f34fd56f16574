using System.Buffers;
using LowRankTools.Core.Storage;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Output;

/// <summary>Writes matrices row by row in any element type.</summary>
internal static class MatrixRows
{
    private const int PieceElements = 1 << 18;

    /// <summary>Writes a matrix, or a transposed view of one, as the tensor <paramref name="spec"/>.</summary>
    /// <exception cref="LowRankToolsException"><c>NonFiniteValues</c>, <c>ValuesOverflow</c>.</exception>
    public static void Write(ModelOutput output, TensorSpec spec, MatrixView<float> matrix, string source, CancellationToken cancellationToken) =>
        Write(output, spec, matrix, source, written: null, cancellationToken);

    /// <summary>Writes a matrix, and tells of every byte as it is written.</summary>
    /// <exception cref="LowRankToolsException"><c>NonFiniteValues</c>, <c>ValuesOverflow</c>.</exception>
    public static void Write(ModelOutput output, TensorSpec spec, MatrixView<float> matrix, string source, Action<ReadOnlySpan<byte>>? written, CancellationToken cancellationToken)
    {
        output.Writing(() => output.Writer.Begin(spec));
        int step = Math.Clamp(PieceElements / Math.Max(1, matrix.Columns), 1, Math.Max(1, matrix.Rows));
        bool isWhole = matrix.ColumnStride == 1 && matrix.RowStride == matrix.Columns;
        using Matrix<float>? rows = isWhole ? null : Matrix<float>.Uninitialized(step, matrix.Columns);
        byte[] bytes = ArrayPool<byte>.Shared.Rent((int)spec.DType.ByteLength((long)step * matrix.Columns));
        try
        {
            for (int first = 0; first < matrix.Rows; first += step)
            {
                cancellationToken.ThrowIfCancellationRequested();
                int count = Math.Min(step, matrix.Rows - first);
                if (rows is not null)
                    matrix.Slice(first, 0, count, matrix.Columns).CopyTo(rows.View.Slice(0, 0, count, matrix.Columns));
                int length = (int)spec.DType.ByteLength((long)count * matrix.Columns);
                StoredType.EncodeComputed(spec.DType, rows is null ? Rows(matrix, first, count) : rows.RowBlock(0, count), bytes.AsSpan(0, length), $"{source}: tensor '{spec.Name}'");
                output.Writing(() => output.Writer.Write(bytes.AsSpan(0, length)));
                written?.Invoke(bytes.AsSpan(0, length));
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
        GC.KeepAlive(matrix.Owner);
    }

    private static unsafe ReadOnlySpan<float> Rows(MatrixView<float> matrix, int first, int count) =>
        new(matrix.Pointer + (nint)first * matrix.RowStride, count * matrix.Columns);
}
