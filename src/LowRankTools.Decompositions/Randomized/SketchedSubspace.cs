using LowRankTools.Decompositions.Subspaces;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.RandomNumbers;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Randomized;

/// <summary>
/// An orthonormal basis of nearly the leading left singular subspace of A (m x n) by a Gaussian sketch and power iterations, each orthonormalised
/// (Halko, Martinsson, Tropp, "Finding structure with randomness", 2011): a few products of A with thin matrices, where the Gram matrix
/// costs m^2 n.
/// </summary>
internal static class SketchedSubspace
{
    /// <summary>More columns than asked for: the error then is that of the best basis times a factor near 1.</summary>
    public const int Oversampling = 10;

    private const int Powers = 2;

    /// <summary>The basis as rows, U^T (r x m), with U^T A as coordinates (r x n).</summary>
    /// <param name="a">A.</param>
    /// <param name="rank">r, at least 1; cut to the smaller side.</param>
    /// <param name="options">Threads and seed.</param>
    /// <param name="ct">Stops the computation.</param>
    public static (Matrix<double> Basis, Matrix<double> Coordinates) Of(MatrixView<double> a, int rank, ComputeOptions options, CancellationToken ct)
    {
        int most = Math.Min(a.Rows, a.Columns), kept = Math.Min(rank, most), width = Math.Min(kept + Oversampling, most);
        EmbeddedEngine engine = new(options);
        Matrix<double> sketch = Matrix<double>.Uninitialized(width, a.Columns);
        new DeterministicRandom(options.Seed).FillGaussian(sketch);
        Matrix<double> basis = Range(engine, a, sketch, options, ct);
        for (int power = 0; power < Powers; power++)
        {
            using Matrix<double> old = basis;
            Matrix<double> back = Range(engine, a.Transpose(), old, options, ct);
            basis = Range(engine, a, back, options, ct);
        }
        using (basis)
        using (Matrix<double> projected = Matrix<double>.Uninitialized(basis.Rows, a.Columns))
        {
            // The leading part of what the sketch has caught.
            Gemm.Multiply(1, basis.View, a, 0, projected.View, options, ct);
            using LeadingSubspace leading = LeadingSubspace.Of(projected.View, null, kept, options, ct);
            Matrix<double> chosen = Matrix<double>.Uninitialized(leading.Basis.Rows, a.Rows), coordinates = leading.Coordinates.Copy();
            Gemm.Multiply(1, leading.Basis.View, basis.View, 0, chosen.View, options, ct);
            SignRule.Apply(chosen, coordinates);
            return (chosen, coordinates);
        }
    }

    // An orthonormal basis, as rows, of the range of A W^T for W of rows; W is freed.
    private static Matrix<double> Range(ITensorEngine engine, MatrixView<double> a, Matrix<double> rows, ComputeOptions options, CancellationToken ct)
    {
        using (rows)
        using (Matrix<double> product = Matrix<double>.Uninitialized(a.Rows, rows.Rows))
        {
            Gemm.Multiply(1, a, rows.Transposed, 0, product.View, options, ct);
            (Matrix<double> qt, Matrix<double> r) = SmallFactorizations.Qr(engine, product.View, ct);
            r.Dispose();
            return qt;
        }
    }
}
