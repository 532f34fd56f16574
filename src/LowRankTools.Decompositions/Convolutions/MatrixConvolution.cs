using LowRankTools.Decompositions.Subspaces;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Convolutions;

/// <summary>
/// Chains of two stages that are the truncated singular value decomposition of the kernel laid out as a matrix, so the best of their rank
/// in the Frobenius norm (Eckart and Young, 1936): A (m x n) = L R, the rows of A being the second stage's indices.
/// </summary>
public abstract class MatrixConvolution : ConvolutionMethod
{
    private protected MatrixConvolution()
    {
    }

    /// <summary>Error of every rank: entry r - 1 is ||K - K'|| / ||K|| at rank r.</summary>
    /// <param name="kernel">K.</param>
    /// <param name="options">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>, <c>NonFiniteValues</c>.</exception>
    public double[] Errors(Tensor kernel, ComputeOptions options, CancellationToken ct = default)
    {
        RequireFinite(kernel);
        using Tensor plane = Plane(kernel), matrix = AsMatrix(plane);
        return LeadingSubspace.Errors(matrix.Matricize(1), MostRanks(ShapeOf(kernel))[0], options, ct);
    }

    /// <inheritdoc/>
    public sealed override IReadOnlyList<double> AllErrors(Tensor weight, ComputeOptions options, CancellationToken ct = default) => Errors(weight, options, ct);

    /// <inheritdoc/>
    public override IReadOnlyList<int>? RanksFor(Tensor weight, double tolerance, ComputeOptions options, CancellationToken ct = default)
    {
        RequireFinite(weight);
        KernelShape shape = ShapeOf(weight);
        using Tensor plane = Plane(weight), matrix = AsMatrix(plane);
        using LeadingSubspace leading = LeadingSubspace.Of(matrix.Matricize(1), tolerance * tolerance * weight.SquaredNorm(), MostRanks(shape)[0], options, ct);
        return Parameters(shape, [leading.Basis.Rows]) < shape.Length ? [leading.Basis.Rows] : null;
    }

    private protected abstract Tensor AsMatrix(Tensor kernel);

    /// <summary>The stages' kernels from the factors: L^T (r x m) and R (r x n), singular values shared out.</summary>
    private protected abstract IReadOnlyList<Tensor> Stages(Matrix<double> left, Matrix<double> right, KernelShape kernel);

    private protected override IReadOnlyList<Tensor> Kernels(Tensor kernel, IReadOnlyList<int> ranks, IReadOnlyList<ConvolutionStage> stages, ComputeOptions options, IProgress<double>? progress, CancellationToken ct)
    {
        using Tensor matrix = AsMatrix(kernel);
        MatrixView<double> a = matrix.Matricize(1);
        // At full rank a basis alone would do for the subspace; the singular vectors are asked for, so that the factors are balanced.
        using LeadingSubspace leading = LeadingSubspace.Of(a, ranks[0] < Math.Min(a.Rows, a.Columns) ? null : 0, ranks[0], options, ct);
        using Matrix<double> left = new(ranks[0], a.Rows), right = new(ranks[0], a.Columns);
        // A matrix of smaller rank has fewer vectors; the others stay zeros.
        for (int k = 0; k < leading.Basis.Rows; k++)
        {
            leading.Basis.Row(k).CopyTo(left.Row(k));
            leading.Coordinates.Row(k).CopyTo(right.Row(k));
            // Row k of the coordinates is sigma_k v_k: its root goes to the other side.
            double root = Math.Sqrt(Math.Sqrt(Sums.OfSquares(right.Row(k))));
            Scale(left.Row(k), root);
            Scale(right.Row(k), root == 0 ? 0 : 1 / root);
        }
        return Stages(left, right, ShapeOf(kernel));
    }

    private static void Scale(Span<double> values, double factor)
    {
        foreach (ref double value in values)
            value *= factor;
    }
}
