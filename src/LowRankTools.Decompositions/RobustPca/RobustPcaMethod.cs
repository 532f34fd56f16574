using LowRankTools.Decompositions.Subspaces;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.RobustPca;

/// <summary>
/// Principal component pursuit, <see cref="LowRankPlusSparse"/>: of least ||L||_* + ||S||_1 / sqrt(max(m, n)) with X = L + S (Candes, Li, Ma, Wright,
/// "Robust principal component analysis?", 2011), by the inexact augmented Lagrangian method (Lin, Chen, Ma, 2010). Takes the tolerance of
/// ||X - L - S|| / ||X||; the rank is found, and a rank given is the most that is kept.
/// </summary>
public sealed class RobustPcaMethod : DecompositionMethod
{
    internal const string MethodName = "RobustPca";
    private const int Sweeps = 500;
    private const double Growth = 1.2, FirstShare = 1.25, Default = 1e-7;

    /// <inheritdoc/>
    public override string Name => MethodName;

    /// <inheritdoc/>
    public override string Description => "A matrix of low rank plus a sparse one, by principal component pursuit: a tolerance; the rank is found.";

    /// <inheritdoc/>
    public override int MostOrder => 2;

    /// <inheritdoc/>
    public override bool MayBeSmaller(IReadOnlyList<int> shape, DecompositionOptions options) => false;

    /// <inheritdoc/>
    public override IReadOnlyList<FactorShape> Factors(IReadOnlyList<int> shape, IReadOnlyList<int> ranks)
    {
        if (shape.Count != 2 || ranks.Count != 1 || ranks[0] < 1 || ranks[0] > Math.Min(shape[0], shape[1]))
            throw NoSuch(shape, ranks);
        return [new FactorShape("left", [shape[0], ranks[0]]), new FactorShape("right", [ranks[0], shape[1]]), new FactorShape("sparse", shape)];
    }

    private protected override Decomposition Compute(Tensor tensor, DecompositionOptions options, IProgress<double>? progress, CancellationToken ct)
    {
        int most = options.RanksFor(1, "ranks")[0], rows = tensor.Shape[0], columns = tensor.Shape[1], sweeps = options.MaxIterations ?? Sweeps, done = 0;
        double tolerance = Math.Max(options.Tolerance ?? Default, 1e-12), norm = Math.Sqrt(tensor.SquaredNorm()), weight = 1 / Math.Sqrt(Math.Max(rows, columns));
        using Matrix<double> multiplier = new(rows, columns), work = new(rows, columns), low = new(rows, columns), sparse = new(rows, columns);
        double spectral = SpectralNorm(tensor.Matricize(1), options.Compute, ct);
        // Y = X / max(||X||_2, ||X||_inf / lambda) makes the first steps small ones.
        double scale = norm == 0 ? 1 : Math.Max(spectral, Largest(tensor.Values) / weight), mu = norm == 0 ? 1 : FirstShare / spectral, limit = mu * 1e7;
        for (int i = 0; i < tensor.Length; i++)
            Entries(multiplier)[i] = tensor.Values[i] / scale;
        bool converged = norm == 0;
        Matrix<double> left = new(rows, 1), right = new(1, columns);
        try
        {
            while (!converged && done < sweeps)
            {
                ct.ThrowIfCancellationRequested();
                Step(tensor, work, sparse, multiplier, mu);
                (Matrix<double> l, Matrix<double> r) = SingularValueThreshold(work.View, 1 / mu, most, options.Compute, ct);
                left.Dispose();
                right.Dispose();
                (left, right) = (l, r);
                Gemm.Multiply(1, left.View, right.View, 0, low.View, options.Compute, ct);
                Step(tensor, work, low, multiplier, mu);
                Shrink(work, weight / mu, sparse);
                double residual = Residual(tensor, low, sparse, multiplier, mu);
                converged = residual <= tolerance * norm;
                mu = Math.Min(mu * Growth, limit);
                done++;
                progress?.Report((double)done / sweeps);
            }
            LowRankPlusSparse found = new(tensor.Shape, [left.Columns], [new NamedFactor("left", Tensor.From(left.View, rows, left.Columns)), new NamedFactor("right", Tensor.From(right.View, right.Rows, columns)), new NamedFactor("sparse", Tensor.From(sparse.View, rows, columns))])
            {
                Iterations = done, Converged = converged,
            };
            found.RelativeError = found.ErrorAgainst(tensor, options.Compute, ct);
            return found;
        }
        finally
        {
            left.Dispose();
            right.Dispose();
        }
    }

    private protected override Decomposition Make(IReadOnlyList<int> shape, IReadOnlyList<int> ranks, IReadOnlyList<NamedFactor> factors) => new LowRankPlusSparse(shape, ranks, factors);

    private static Span<double> Entries(Matrix<double> matrix) => matrix.RowBlock(0, matrix.Rows);

    // W = X - other + Y / mu.
    private static void Step(Tensor tensor, Matrix<double> work, Matrix<double> other, Matrix<double> multiplier, double mu)
    {
        Span<double> w = Entries(work), s = Entries(other), y = Entries(multiplier);
        ReadOnlySpan<double> x = tensor.Values;
        for (int i = 0; i < w.Length; i++)
            w[i] = x[i] - s[i] + (y[i] / mu);
    }

    // The proximal step of the nuclear norm: singular values less the amount, none below zero; at least one column.
    private static (Matrix<double> Left, Matrix<double> Right) SingularValueThreshold(MatrixView<double> a, double amount, int most, ComputeOptions options, CancellationToken ct)
    {
        bool tall = a.Rows > a.Columns;
        MatrixView<double> flat = tall ? a.Transpose() : a;
        using Matrix<double> gram = Matrix<double>.Uninitialized(flat.Rows, flat.Rows);
        Gemm.MultiplyByOwnTranspose(1, flat, 0, gram.View, options, ct);
        (double[] values, Matrix<double> vectors) = SmallFactorizations.Eigen(new EmbeddedEngine(options), gram.View, all => Math.Clamp(all.Count(v => v > amount * amount), 1, Math.Min(most, flat.Rows)), ct);
        using (vectors)
        {
            Matrix<double> coordinates = Matrix<double>.Uninitialized(vectors.Rows, flat.Columns);
            Gemm.Multiply(1, vectors.View, flat, 0, coordinates.View, options, ct);
            for (int k = 0; k < vectors.Rows; k++)
            {
                double sigma = Math.Sqrt(Math.Max(0, values[k])), factor = sigma > amount ? 1 - (amount / sigma) : 0;
                foreach (ref double value in coordinates.Row(k))
                    value *= factor;
            }
            Matrix<double> basis = vectors.Transposed.ToMatrix();
            if (!tall)
                return (basis, coordinates);
            using (basis)
            using (coordinates)
                return (coordinates.Transposed.ToMatrix(), basis.Transposed.ToMatrix());
        }
    }

    private static void Shrink(Matrix<double> from, double amount, Matrix<double> to)
    {
        Span<double> w = Entries(from), s = Entries(to);
        for (int i = 0; i < w.Length; i++)
            s[i] = Math.Sign(w[i]) * Math.Max(0, Math.Abs(w[i]) - amount);
    }

    // ||X - L - S||, and Y += mu (X - L - S).
    private static double Residual(Tensor tensor, Matrix<double> low, Matrix<double> sparse, Matrix<double> multiplier, double mu)
    {
        Span<double> l = Entries(low), s = Entries(sparse), y = Entries(multiplier);
        ReadOnlySpan<double> x = tensor.Values;
        double sum = 0;
        for (int i = 0; i < l.Length; i++)
        {
            double left = x[i] - l[i] - s[i];
            y[i] += mu * left;
            sum += left * left;
        }
        return Math.Sqrt(sum);
    }

    private static double SpectralNorm(MatrixView<double> a, ComputeOptions options, CancellationToken ct)
    {
        using LeadingSubspace leading = LeadingSubspace.Of(a, null, 1, options, ct);
        return Math.Max(Math.Sqrt(Sums.OfSquares(leading.Coordinates.Row(0))), double.Epsilon);
    }

    private static double Largest(ReadOnlySpan<double> values) => Math.Abs(SignRule.Largest(values));
}
