using System.Diagnostics;
using LowRankTools.Core.Records;
using LowRankTools.Core.Storage;
using LowRankTools.Decompositions;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Decompositions;

/// <summary>The factors of one tensor as they will be stored, every entry rounded to the type that is written, and what they cost. <see cref="Dispose"/> frees the entries; all else stays known.</summary>
internal sealed class ComputedFactors : IDisposable
{
    private ComputedFactors(IReadOnlyList<(TensorSpec Spec, Matrix<float> Values)> factors) => Factors = factors;

    /// <summary>Each factor: its name and shape in the file, and its entries, row after row.</summary>
    public IReadOnlyList<(TensorSpec Spec, Matrix<float> Values)> Factors { get; }

    public required IReadOnlyList<int> Ranks { get; init; }

    /// <summary>||X - X'|| / ||X|| of the factors as stored.</summary>
    public required double RelativeError { get; init; }

    /// <summary>||X||^2.</summary>
    public required double SquaredNorm { get; init; }

    public required int Iterations { get; init; }

    public required bool Converged { get; init; }

    public required double Seconds { get; init; }

    public long Parameters => Factors.Sum(f => TensorShape.ElementCount(f.Spec.Shape, f.Spec.Name));

    /// <summary>Reads a tensor and decomposes it.</summary>
    /// <param name="file">The model.</param>
    /// <param name="tensor">The tensor.</param>
    /// <param name="method">How.</param>
    /// <param name="options">Ranks or tolerance.</param>
    /// <param name="dtype">Type that the factors will be stored in.</param>
    /// <param name="progress">Receives 0 to 1.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    public static ComputedFactors Compute(TensorFile file, TensorInfo tensor, DecompositionMethod method, DecompositionOptions options, TensorDType dtype, IProgress<double>? progress, CancellationToken cancellationToken)
    {
        Stopwatch clock = Stopwatch.StartNew();
        using Tensor dense = Read(file, tensor, cancellationToken);
        using Decomposition decomposition = method.Decompose(dense, options, progress, cancellationToken);
        List<(TensorSpec Spec, Matrix<float> Values)> factors = [];
        try
        {
            foreach (NamedFactor factor in decomposition.Factors)
                factors.Add((new TensorSpec(DecomposedTensor.NameOf(tensor.Name, factor.Name), dtype, [.. factor.Values.Shape.Select(size => (long)size)]), Rounded(factor.Values, dtype)));
            return new ComputedFactors(factors)
            {
                Ranks = decomposition.Ranks,
                RelativeError = decomposition.ErrorAgainst(dense, options.Compute, cancellationToken),
                SquaredNorm = dense.SquaredNorm(),
                Iterations = decomposition.Iterations,
                Converged = decomposition.Converged,
                Seconds = clock.Elapsed.TotalSeconds,
            };
        }
        catch
        {
            factors.ForEach(f => f.Values.Dispose());
            throw;
        }
    }

    public void Dispose()
    {
        foreach ((_, Matrix<float> values) in Factors)
            values.Dispose();
    }

    private static Tensor Read(TensorFile file, TensorInfo tensor, CancellationToken cancellationToken)
    {
        using Matrix<float> values = WeightMatrix.Read(file, tensor, cancellationToken);
        if (values.Length > int.MaxValue)
            throw new LowRankToolsException("ShapesDoNotMatch", $"The tensor has more than {int.MaxValue} entries.", "Leave it out with -Exclude.");
        return Tensor.From(values.RowBlock(0, values.Rows), [.. tensor.Shape.Select(size => (int)size)]);
    }

    // The stored entries take the place of the computed ones, so that the error is theirs.
    private static Matrix<float> Rounded(Tensor factor, TensorDType dtype)
    {
        Matrix<float> stored = Matrix<float>.Uninitialized(factor.Length / factor.Shape[^1], factor.Shape[^1]);
        Span<float> to = stored.RowBlock(0, stored.Rows);
        Span<double> from = factor.Values;
        for (int i = 0; i < to.Length; i++)
            to[i] = (float)from[i];
        try
        {
            StoredType.Round(stored, dtype);
        }
        catch
        {
            stored.Dispose();
            throw;
        }
        for (int i = 0; i < to.Length; i++)
            from[i] = to[i];
        return stored;
    }
}
