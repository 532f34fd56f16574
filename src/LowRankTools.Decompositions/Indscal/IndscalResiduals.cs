using LowRankTools.Decompositions.Dedicom;
using LowRankTools.Decompositions.Rescal;
using LowRankTools.Decompositions.Subspaces;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.RandomNumbers;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Indscal;

/// <summary>
/// Residuals of the symmetric parts of X_k = A diag(d_k) A^T in the unknowns A (n x r) and D (K x r), one after the other: of the entries on and above the
/// diagonal, those above it times the root of 2, so that squares add up to those of all entries.
/// </summary>
/// <param name="tensor">X, K x n x n, compressed.</param>
/// <param name="rank">r.</param>
/// <param name="compute">Threads.</param>
internal sealed class IndscalResiduals(Tensor tensor, int rank, ComputeOptions compute) : CompressedProblem(tensor, rank)
{
    private static readonly double s_above = Math.Sqrt(2);

    private int Pairs => Size * (Size + 1) / 2;

    /// <inheritdoc/>
    public override int Count => Slices * Pairs;

    /// <inheritdoc/>
    public override int Unknowns => (Size + Slices) * Rank;

    /// <inheritdoc/>
    public override bool HasCore => false;

    /// <summary>Three: there are fewer minima than with a core.</summary>
    public override int LeastStarts => 3;

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<double> point, Span<double> residuals)
    {
        double[] scaled = new double[Rank];
        for (int k = 0, place = 0; k < Slices; k++)
        {
            ReadOnlySpan<double> x = Tensor.Values.Slice(k * Size * Size, Size * Size), d = point.Slice((Size + k) * Rank, Rank);
            for (int i = 0; i < Size; i++)
            {
                for (int p = 0; p < Rank; p++)
                    scaled[p] = point[(i * Rank) + p] * d[p];
                for (int j = i; j < Size; j++, place++)
                {
                    double difference = -0.5 * (x[(i * Size) + j] + x[(j * Size) + i]);
                    for (int p = 0; p < Rank; p++)
                        difference += scaled[p] * point[(j * Rank) + p];
                    residuals[place] = i == j ? difference : s_above * difference;
                }
            }
        }
    }

    /// <inheritdoc/>
    public override void Differentiate(ReadOnlySpan<double> point, Matrix<double> derivatives)
    {
        derivatives.RowBlock(0, derivatives.Rows).Clear();
        for (int p = 0; p < Rank; p++)
        {
            for (int k = 0; k < Slices; k++)
            {
                double d = point[((Size + k) * Rank) + p];
                Span<double> byDiagonal = derivatives.Row(((Size + k) * Rank) + p).Slice(k * Pairs, Pairs);
                for (int i = 0, pair = 0; i < Size; i++)
                {
                    double left = point[(i * Rank) + p];
                    Span<double> byLeft = derivatives.Row((i * Rank) + p).Slice(k * Pairs, Pairs);
                    for (int j = i; j < Size; j++, pair++)
                    {
                        double weight = i == j ? 1 : s_above, right = point[(j * Rank) + p];
                        byDiagonal[pair] = weight * left * right;
                        // On the diagonal both are the same unknown.
                        byLeft[pair] += weight * d * right;
                        derivatives[(j * Rank) + p, (k * Pairs) + pair] += weight * d * left;
                    }
                }
            }
        }
    }

    /// <summary>Every other start is a solution of two sums of the matrices, where there is one.</summary>
    public override double[] Start(int number, ulong seed, CancellationToken ct) =>
        (number % 2 == 0 && Size == Rank ? TwoSums(seed, ct) : null) ?? Random(alike: number / 2 % 2 == 0, seed);

    // With S = sum of X_k = A A^T definite and T = sum of g_k X_k = A diag(t) A^T, the eigenvectors U of S^(-1/2) T S^(-1/2) give A = S^(1/2) U: exact without
    // noise, for any random g. The lengths of A's columns go into the diagonals of A^-1 X_k A^-T. Null where S is not definite.
    private double[]? TwoSums(ulong seed, CancellationToken ct)
    {
        double[] mixture = new double[Slices], point = new double[Unknowns];
        new DeterministicRandom(seed).FillGaussian<double>(mixture);
        using Matrix<double> sum = Sum(_ => 1), mixed = Sum(k => mixture[k]), inverse = Matrix<double>.Uninitialized(Size, Size), half = Matrix<double>.Uninitialized(Size, Size);
        EmbeddedEngine engine = new(compute);
        (double[] values, Matrix<double> vectors) = SmallFactorizations.Eigen(engine, sum.View, all => all.Length, ct);
        using (vectors)
        {
            double sign = Math.Sign(values[0]), least = values.Min(v => v * sign), most = values.Max(v => v * sign);
            if (!(least > 1e-8 * most))
                return null;
            // Rows of S^(-1/2) in the basis of S's eigenvectors.
            for (int i = 0; i < Size; i++)
            {
                for (int j = 0; j < Size; j++)
                    inverse[i, j] = vectors[i, j] / Math.Sqrt(values[i] * sign);
            }
            Gemm.Multiply(1, inverse.View, mixed.View, 0, half.View, compute, ct);
            Gemm.Multiply(1, half.View, inverse.Transposed, 0, mixed.View, compute, ct);
            (_, Matrix<double> turn) = SmallFactorizations.Eigen(engine, mixed.View, all => all.Length, ct);
            using (turn)
            {
                // A = E L^(1/2) U, and A^-1 = U^T L^(-1/2) E^T.
                for (int i = 0; i < Size; i++)
                {
                    for (int p = 0; p < Rank; p++)
                    {
                        for (int q = 0; q < Size; q++)
                            point[(i * Rank) + p] += vectors[q, i] * Math.Sqrt(values[q] * sign) * turn[p, q];
                    }
                }
                Gemm.Multiply(1, turn.View, inverse.View, 0, half.View, compute, ct);
            }
        }
        for (int k = 0; k < Slices; k++)
        {
            Gemm.Multiply(1, half.View, CommonSubspace.Slice(Tensor, k), 0, mixed.View, compute, ct);
            for (int p = 0; p < Rank; p++)
                point[((Size + k) * Rank) + p] = Sums.OfProducts(mixed.Row(p), half.Row(p));
        }
        return point;
    }

    // The symmetric part of a sum of the matrices with weights.
    private Matrix<double> Sum(Func<int, double> weight)
    {
        Matrix<double> sum = new(Size, Size);
        for (int k = 0; k < Slices; k++)
        {
            MatrixView<double> x = CommonSubspace.Slice(Tensor, k);
            for (int i = 0; i < Size; i++)
            {
                for (int j = 0; j < Size; j++)
                    sum[i, j] += weight(k) * 0.5 * (x[i, j] + x[j, i]);
            }
        }
        return sum;
    }
}
