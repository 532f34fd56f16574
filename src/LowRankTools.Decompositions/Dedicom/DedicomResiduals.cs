using LowRankTools.Numerics;

namespace LowRankTools.Decompositions;

/// <summary>
/// Residuals of X_k = A D_k R D_k A^T in the unknowns A (n x r), the diagonals D (K x r) and R (r x r), one after the other; n is that of the compressed
/// matrices. With R fixed to the identity and the diagonals d_k in place of d_k^2 it is INDSCAL, X_k = A diag(d_k) A^T.
/// </summary>
/// <param name="tensor">X, K x n x n.</param>
/// <param name="rank">r.</param>
/// <param name="withCore">Whether there is an R.</param>
internal sealed class DedicomResiduals(Tensor tensor, int rank, bool withCore) : IResiduals
{
    private readonly int _slices = tensor.Shape[0], _size = tensor.Shape[1];

    /// <inheritdoc/>
    public int Count => tensor.Length;

    /// <summary>Number of unknowns.</summary>
    public int Unknowns => (_size * rank) + (_slices * rank) + (withCore ? rank * rank : 0);

    /// <inheritdoc/>
    public void Evaluate(ReadOnlySpan<double> point, Span<double> residuals)
    {
        double[] left = new double[_size * rank];
        for (int k = 0; k < _slices; k++)
        {
            double[] core = Core(point, k);
            Product(point[..(_size * rank)], core, left);
            for (int i = 0; i < _size; i++)
            {
                for (int j = 0; j < _size; j++)
                {
                    int place = (((k * _size) + i) * _size) + j;
                    residuals[place] = Sums.OfProducts(left.AsSpan(i * rank, rank), point.Slice(j * rank, rank)) - tensor.Values[place];
                }
            }
        }
    }

    /// <inheritdoc/>
    public void Differentiate(ReadOnlySpan<double> point, Matrix<double> derivatives)
    {
        derivatives.RowBlock(0, derivatives.Rows).Clear();
        ReadOnlySpan<double> a = point[..(_size * rank)], d = point.Slice(_size * rank, _slices * rank), r = withCore ? point[((_size + _slices) * rank)..] : [];
        double[] left = new double[_size * rank], right = new double[_size * rank];
        for (int k = 0; k < _slices; k++)
        {
            double[] core = Core(point, k);
            Product(a, core, left);
            Product(a, Transposed(core), right);
            for (int i = 0; i < _size; i++)
            {
                for (int p = 0; p < rank; p++)
                {
                    Span<double> row = derivatives.Row((i * rank) + p).Slice(k * _size * _size, _size * _size);
                    // X(i, j) by A(i, p) is (A C^T)(j, p), X(j, i) by it is (A C)(j, p).
                    for (int j = 0; j < _size; j++)
                    {
                        row[(i * _size) + j] += right[(j * rank) + p];
                        row[(j * _size) + i] += left[(j * rank) + p];
                    }
                }
            }
            for (int p = 0; p < rank; p++)
                OfDiagonal(a, d, r, k, p, derivatives.Row((_size * rank) + (k * rank) + p).Slice(k * _size * _size, _size * _size));
            for (int pq = 0; withCore && pq < rank * rank; pq++)
            {
                int p = pq / rank, q = pq % rank;
                Outer(a, p, q, d[(k * rank) + p] * d[(k * rank) + q], derivatives.Row(((_size + _slices) * rank) + pq).Slice(k * _size * _size, _size * _size));
            }
        }
    }

    // By d_kp: with a core, row and column p of R d_k and the other one; without, the outer product of column p.
    private void OfDiagonal(ReadOnlySpan<double> a, ReadOnlySpan<double> d, ReadOnlySpan<double> r, int k, int p, Span<double> row)
    {
        if (!withCore)
        {
            Outer(a, p, p, 1, row);
            return;
        }
        for (int q = 0; q < rank; q++)
        {
            Outer(a, p, q, r[(p * rank) + q] * d[(k * rank) + q], row);
            Outer(a, q, p, r[(q * rank) + p] * d[(k * rank) + q], row);
        }
    }

    private void Outer(ReadOnlySpan<double> a, int p, int q, double factor, Span<double> row)
    {
        for (int i = 0; i < _size; i++)
        {
            double left = factor * a[(i * rank) + p];
            for (int j = 0; j < _size; j++)
                row[(i * _size) + j] += left * a[(j * rank) + q];
        }
    }

    // C_k = D_k R D_k, or diag(d_k).
    private double[] Core(ReadOnlySpan<double> point, int k)
    {
        ReadOnlySpan<double> d = point.Slice((_size * rank) + (k * rank), rank);
        double[] core = new double[rank * rank];
        for (int p = 0; p < rank; p++)
        {
            for (int q = 0; q < rank; q++)
                core[(p * rank) + q] = withCore ? d[p] * point[((_size + _slices) * rank) + (p * rank) + q] * d[q] : p == q ? d[p] : 0;
        }
        return core;
    }

    private double[] Transposed(double[] core) => [.. Enumerable.Range(0, core.Length).Select(i => core[(i % rank * rank) + (i / rank)])];

    // A C, n x r.
    private void Product(ReadOnlySpan<double> a, double[] core, double[] product)
    {
        Array.Clear(product);
        for (int i = 0; i < _size; i++)
        {
            for (int p = 0; p < rank; p++)
            {
                double value = a[(i * rank) + p];
                for (int q = 0; q < rank; q++)
                    product[(i * rank) + q] += value * core[(p * rank) + q];
            }
        }
    }
}
