using LowRankTools.Core.Layers;
using LowRankTools.Core.Storage;
using LowRankTools.Decompositions;
using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Formats;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Records;

/// <summary>A tensor that stands in a file as factors, and the way back. What the record says is checked against the file before anything is read.</summary>
internal sealed class DecomposedTensor
{
    private readonly DecompositionMethod _method;
    private readonly int[] _shape;
    private readonly int[] _ranks;

    private DecomposedTensor(DecomposedTensorRecord record, DecompositionMethod method, int[] shape, int[] ranks, IReadOnlyList<TensorInfo> factors)
    {
        (Record, _method, _shape, _ranks, Factors) = (record, method, shape, ranks, factors);
    }

    public DecomposedTensorRecord Record { get; }

    /// <summary>The factors in the file, in the method's order.</summary>
    public IReadOnlyList<TensorInfo> Factors { get; }

    /// <summary>Name of a factor in the file.</summary>
    public static string NameOf(string tensor, string factor) => $"{tensor}.{factor}";

    /// <summary>Finds the factors.</summary>
    /// <param name="record">What the file says of the tensor.</param>
    /// <param name="tensors">Tensors of the file by name.</param>
    /// <param name="path">The file, for errors.</param>
    /// <exception cref="LowRankToolsException"><c>FactorsInconsistent</c>: the record and the factors disagree.</exception>
    public static DecomposedTensor Of(DecomposedTensorRecord record, IReadOnlyDictionary<string, TensorInfo> tensors, string path)
    {
        try
        {
            DecompositionMethod method = DecompositionMethods.Find(record.Method);
            int[] shape = Sizes(record.Shape), ranks = Sizes(record.Ranks);
            if (shape.Aggregate(1L, (product, size) => checked(product * size)) > int.MaxValue)
                throw new LowRankToolsException("ShapesDoNotMatch", "The dense tensor would have too many entries.");
            List<TensorInfo> factors = [];
            foreach (FactorShape factor in method.Factors(shape, ranks))
            {
                if (!tensors.TryGetValue(NameOf(record.Name, factor.Name), out TensorInfo? tensor) || !tensor.Shape.SequenceEqual(factor.Shape.Select(size => (long)size)))
                    throw new LowRankToolsException("ShapesDoNotMatch", $"The file has no '{NameOf(record.Name, factor.Name)}' of {string.Join(" x ", factor.Shape)}.");
                factors.Add(tensor);
            }
            return new DecomposedTensor(record, method, shape, ranks, factors);
        }
        catch (Exception e) when (e is LowRankToolsException or OverflowException)
        {
            throw new LowRankToolsException(CoreErrors.FactorsInconsistent, $"{path}: the record names tensor '{record.Name}' as {record.Method} of ranks {record.Ranks}, but the factors are not its. {e.Message}",
                "The weights were changed after they were decomposed; use the original files.", e);
        }
    }

    /// <summary>Multiplies the factors out, as (product of the leading sizes) x (last size).</summary>
    public Matrix<float> Read(TensorFile file, CancellationToken cancellationToken)
    {
        List<Tensor> factors = [];
        try
        {
            foreach (TensorInfo factor in Factors)
            {
                using Matrix<float> values = WeightMatrix.Read(file, factor, cancellationToken);
                factors.Add(Tensor.From(values.RowBlock(0, values.Rows), Sizes(factor.Shape)));
            }
            using Decomposition decomposition = _method.Restore(_shape, _ranks, factors);
            using Tensor dense = decomposition.ToDense(null, cancellationToken);
            return Narrow(dense);
        }
        catch (Exception e) when (e is LowRankToolsException and not ModelFormatException or OverflowException)
        {
            throw new LowRankToolsException(CoreErrors.FactorsInconsistent, $"{file.Path}: tensor '{Record.Name}' cannot be made of its factors: {e.Message}", "Restore the file that was written.", e);
        }
        finally
        {
            factors.ForEach(f => f.Dispose());
        }
    }

    private static Matrix<float> Narrow(Tensor dense)
    {
        Matrix<float> matrix = Matrix<float>.Uninitialized(dense.Length / dense.Shape[^1], dense.Shape[^1]);
        ReadOnlySpan<double> from = dense.Values;
        Span<float> to = matrix.RowBlock(0, matrix.Rows);
        for (int i = 0; i < to.Length; i++)
            to[i] = (float)from[i];
        return matrix;
    }

    private static int[] Sizes(Dimensions sizes) => [.. sizes.Sizes.Select(size => checked((int)size))];
}
