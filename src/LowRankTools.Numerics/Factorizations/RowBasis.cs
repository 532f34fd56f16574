using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Kernels.Vectors;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Factorizations;

/// <summary>
/// An orthonormal basis Q of the row space of X (k x length, k at most length): X^T = Q R by Householder reflections. Of few rows Q is kept as
/// the reflectors that it is a product of, in place of X: m vectors in its coordinates come back to the whole space for 4 m k length
/// operations, where forming Q costs 4 k^2 length, and nothing is packed for products of matrices that thin.
/// </summary>
internal sealed unsafe class RowBasis : IDisposable
{
    /// <summary>Rows up to which one reflector after the other is faster than blocks of them.</summary>
    private const int ThinRows = 32;

    private readonly Matrix<double> _x;
    private readonly double[]? _tau;

    private RowBasis(Matrix<double> x, double[]? tau)
    {
        _x = x;
        _tau = tau;
        R = new Matrix<double>(x.Rows, x.Rows);
    }

    /// <summary>R, k x k upper triangular.</summary>
    public Matrix<double> R { get; }

    /// <summary>Makes the basis.</summary>
    /// <param name="x">X; it is changed, belongs to the caller and has to outlive the basis.</param>
    /// <param name="threads">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <returns>Null where X has more rows than a basis of its row space can have.</returns>
    public static RowBasis? Of(Matrix<double> x, int threads, CancellationToken ct)
    {
        if (x.Rows > x.Columns)
            return null;
        RowBasis basis = new(x, x.Rows <= ThinRows ? new double[x.Rows] : null);
        if (basis._tau is { } tau)
            basis.Reflect(tau);
        else
            HouseholderQr.OrthonormalizeRows(x.View, basis.R, threads, ct);
        return basis;
    }

    /// <summary>Vectors in the coordinates of the basis as vectors of the whole space.</summary>
    /// <param name="rows">The vectors as rows, m x k.</param>
    /// <param name="options">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <returns>m x length.</returns>
    public Matrix<double> Lift(Matrix<double> rows, ComputeOptions? options, CancellationToken ct)
    {
        if (_tau is null)
        {
            Matrix<double> product = Matrix<double>.Uninitialized(rows.Rows, _x.Columns);
            Gemm.Multiply(1, rows.View, _x.View, 0, product.View, options, ct);
            return product;
        }
        Matrix<double> lifted = new(rows.Rows, _x.Columns);
        rows.View.CopyTo(lifted.View.Slice(0, 0, rows.Rows, rows.Columns));
        // Q = H_1 H_2 ... H_k: the last reflector acts first.
        for (int i = _x.Rows - 1; i >= 0; i--)
        {
            double* reflector = Reflector(i);
            int rest = _x.Columns - i;
            for (int j = 0; j < lifted.Rows; j++)
            {
                double* row = lifted.Pointer + (nint)j * lifted.Columns + i;
                VectorOps.AddScaled(-_tau[i] * VectorOps.Dot(row, reflector, rest), reflector, row, rest);
            }
        }
        return lifted;
    }

    /// <inheritdoc/>
    public void Dispose() => R.Dispose();

    // Row i of X from its entry i on becomes the reflector, what stands before it a column of R.
    private void Reflect(double[] tau)
    {
        for (int i = 0; i < _x.Rows; i++)
        {
            double* reflector = Reflector(i);
            int rest = _x.Columns - i;
            for (int j = 0; j < i; j++)
                R[j, i] = reflector[j - i];
            (R[i, i], tau[i]) = Householder.Make(reflector, rest);
            for (int j = i + 1; j < _x.Rows; j++)
            {
                double* row = _x.Pointer + (nint)j * _x.Columns + i;
                VectorOps.AddScaled(-tau[i] * VectorOps.Dot(row, reflector, rest), reflector, row, rest);
            }
        }
    }

    private double* Reflector(int i) => _x.Pointer + (nint)i * _x.Columns + i;
}
