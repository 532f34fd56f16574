using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Decompositions.Dedicom;

/// <summary>
/// Residuals of X_k = A D_k R D_k A^T in the unknowns A (n x r), the diagonals D (K x r) and R (r x r), one after the other; n is that of the compressed matrices.
/// </summary>
/// <param name="tensor">X, K x n x n.</param>
/// <param name="rank">r.</param>
internal sealed class DedicomResiduals(Tensor tensor, int rank) : CompressedProblem(tensor, rank)
{
    /// <inheritdoc/>
    public override int Count => Tensor.Length;

    /// <inheritdoc/>
    public override int Unknowns => (Size + Slices + Rank) * Rank;

    /// <inheritdoc/>
    public override bool HasCore => true;

    /// <inheritdoc/>
    public override int LeastStarts => 8;

    /// <inheritdoc/>
    public override double[] Start(int number, ulong seed, CancellationToken ct) => Random(alike: number % 2 == 0, seed);

    /// <inheritdoc/>
    public override void Evaluate(ReadOnlySpan<double> point, Span<double> residuals)
    {
        double[] left = new double[Size * Rank];
        for (int k = 0; k < Slices; k++)
        {
            double[] core = Core(point, k);
            Product(point[..(Size * Rank)], core, left);
            for (int i = 0; i < Size; i++)
            {
                for (int j = 0; j < Size; j++)
                {
                    int place = (((k * Size) + i) * Size) + j;
                    residuals[place] = Sums.OfProducts(left.AsSpan(i * Rank, Rank), point.Slice(j * Rank, Rank)) - Tensor.Values[place];
                }
            }
        }
    }

    /// <inheritdoc/>
    public override void Differentiate(ReadOnlySpan<double> point, Matrix<double> derivatives)
    {
        derivatives.RowBlock(0, derivatives.Rows).Clear();
        ReadOnlySpan<double> a = point[..(Size * Rank)], d = point.Slice(Size * Rank, Slices * Rank), r = point[((Size + Slices) * Rank)..];
        double[] left = new double[Size * Rank], right = new double[Size * Rank];
        for (int k = 0; k < Slices; k++)
        {
            double[] core = Core(point, k);
            Product(a, core, left);
            Product(a, Transposed(core), right);
            for (int i = 0; i < Size; i++)
            {
                for (int p = 0; p < Rank; p++)
                {
                    Span<double> row = derivatives.Row((i * Rank) + p).Slice(k * Size * Size, Size * Size);
                    // X(i, j) by A(i, p) is (A C^T)(j, p), X(j, i) by it is (A C)(j, p).
                    for (int j = 0; j < Size; j++)
                    {
                        row[(i * Size) + j] += right[(j * Rank) + p];
                        row[(j * Size) + i] += left[(j * Rank) + p];
                    }
                }
            }
            for (int p = 0; p < Rank; p++)
                OfDiagonal(a, d, r, k, p, derivatives.Row((Size * Rank) + (k * Rank) + p).Slice(k * Size * Size, Size * Size));
            for (int pq = 0; pq < Rank * Rank; pq++)
            {
                int p = pq / Rank, q = pq % Rank;
                Outer(a, p, q, d[(k * Rank) + p] * d[(k * Rank) + q], derivatives.Row(((Size + Slices) * Rank) + pq).Slice(k * Size * Size, Size * Size));
            }
        }
    }

    // By d_kp: row and column p of R d_k and the other one.
    private void OfDiagonal(ReadOnlySpan<double> a, ReadOnlySpan<double> d, ReadOnlySpan<double> r, int k, int p, Span<double> row)
    {
        for (int q = 0; q < Rank; q++)
        {
            Outer(a, p, q, r[(p * Rank) + q] * d[(k * Rank) + q], row);
            Outer(a, q, p, r[(q * Rank) + p] * d[(k * Rank) + q], row);
        }
    }

    private void Outer(ReadOnlySpan<double> a, int p, int q, double factor, Span<double> row)
    {
        for (int i = 0; i < Size; i++)
        {
            double left = factor * a[(i * Rank) + p];
            for (int j = 0; j < Size; j++)
                row[(i * Size) + j] += left * a[(j * Rank) + q];
        }
    }

    // C_k = D_k R D_k.
    private double[] Core(ReadOnlySpan<double> point, int k)
    {
        ReadOnlySpan<double> d = point.Slice((Size * Rank) + (k * Rank), Rank);
        double[] core = new double[Rank * Rank];
        for (int p = 0; p < Rank; p++)
        {
            for (int q = 0; q < Rank; q++)
                core[(p * Rank) + q] = d[p] * point[((Size + Slices) * Rank) + (p * Rank) + q] * d[q];
        }
        return core;
    }

    private double[] Transposed(double[] core) => [.. Enumerable.Range(0, core.Length).Select(i => core[(i % Rank * Rank) + (i / Rank)])];

    // A C, n x r.
    private void Product(ReadOnlySpan<double> a, double[] core, double[] product)
    {
        Array.Clear(product);
        for (int i = 0; i < Size; i++)
        {
            for (int p = 0; p < Rank; p++)
            {
                double value = a[(i * Rank) + p];
                for (int q = 0; q < Rank; q++)
                    product[(i * Rank) + q] += value * core[(p * Rank) + q];
            }
        }
    }
}
