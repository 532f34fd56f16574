using LowRankTools.Formats;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Storage;

/// <summary>Brings weights into memory as float32 matrices.</summary>
internal static class WeightMatrix
{
    /// <summary>Elements read at a time: a multiple of every packed type's block, small beside any span's limit.</summary>
    private const int BlockElements = 1 << 24;

    /// <summary>Reads a tensor as (product of the leading sizes) x (last size); a vector is one row, a scalar 1 x 1.</summary>
    /// <exception cref="ModelFormatException">The file is too short, or the type has no conversion.</exception>
    public static unsafe Matrix<float> Read(TensorFile file, TensorInfo tensor, CancellationToken cancellationToken)
    {
        long columns = tensor.Shape.Length == 0 ? 1 : tensor.Shape[^1];
        long rows = columns == 0 ? 0 : tensor.ElementCount / columns;
        if (rows > int.MaxValue || columns > int.MaxValue)
            throw new ModelFormatException(FormatErrors.ShapeOverflow, $"Tensor '{tensor.Name}' is too large to be computed with.", file.Path, tensor.Name, "Leave it out with -Exclude.");
        Matrix<float> matrix = Matrix<float>.Uninitialized((int)rows, (int)columns);
        try
        {
            for (long done = 0; done < tensor.ElementCount; done += BlockElements)
            {
                int count = (int)Math.Min(BlockElements, tensor.ElementCount - done);
                file.ReadSingles(tensor, done, new Span<float>(matrix.Pointer + done, count), cancellationToken);
            }
            return matrix;
        }
        catch
        {
            matrix.Dispose();
            throw;
        }
    }
}
