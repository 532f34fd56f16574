using LowRankTools.Numerics.Kernels.Vectors;

namespace LowRankTools.Numerics.Factorizations.Eigen;

/// <summary>
/// Eigenvalues and eigenvectors of a small symmetric tridiagonal matrix by the QL iteration with implicit Wilkinson
/// shifts (Golub and Van Loan, Matrix Computations, section 8.3). The leaf of the divide and conquer above it.
/// </summary>
internal static unsafe class TridiagonalQl
{
    private const int SweepsPerValue = 60;
    private const double MachineEpsilon = 1.1102230246251565e-16;

    /// <summary>T = Z^T diag(d) Z on return, in no order. Entries are scaled to at most about 1, so that squares are safe.</summary>
    /// <param name="d">Diagonal of T, n entries; on return the eigenvalues.</param>
    /// <param name="e">Off-diagonal, n entries of which the last is ignored; destroyed.</param>
    /// <param name="n">Size of T.</param>
    /// <param name="z">Rows to rotate along (row i belongs to value i), or null for values only.</param>
    /// <param name="zDistance">Elements between the rows of z.</param>
    /// <param name="zColumns">Length of the rows of z.</param>
    /// <exception cref="LowRankToolsException">NoConvergence.</exception>
    public static void Solve(double* d, double* e, int n, double* z, nint zDistance, int zColumns)
    {
        if (n == 0) return;
        e[n - 1] = 0;

        // Couplings below the square of machine precision are gone, even beside entries that are smaller still.
        double floor = 0;
        for (int i = 0; i < n; i++) floor = Math.Max(floor, Math.Max(Math.Abs(d[i]), Math.Abs(e[i])));
        floor *= MachineEpsilon * MachineEpsilon;
        int sweeps = 0;
        for (int low = 0; low < n; low++)
        {
            while (true)
            {
                int high = low;
                while (high < n - 1 && Math.Abs(e[high]) > floor + (MachineEpsilon * (Math.Abs(d[high]) + Math.Abs(d[high + 1])))) high++;
                if (high == low) break;
                if (sweeps++ == SweepsPerValue * n)
                    throw new LowRankToolsException("NoConvergence", $"The eigenvalue iteration did not settle within {SweepsPerValue} sweeps a value.", "Check the matrix for extreme entries.");
                Sweep(d, e, low, high, z, zDistance, zColumns);
            }
        }
    }

    private static void Sweep(double* d, double* e, int low, int high, double* z, nint zDistance, int zColumns)
    {
        double g = (d[low + 1] - d[low]) / (2 * e[low]);
        double r = double.Hypot(g, 1);
        g = d[high] - d[low] + (e[low] / (g + Math.CopySign(r, g)));
        double sine = 1, cosine = 1, shift = 0;
        for (int i = high - 1; i >= low; i--)
        {
            double f = sine * e[i], b = cosine * e[i];
            r = Math.Sqrt((f * f) + (g * g));
            e[i + 1] = r;
            if (r == 0)
            {
                // The matrix splits here: the rest is a smaller problem.
                d[i + 1] -= shift;
                e[high] = 0;
                return;
            }

            sine = f / r;
            cosine = g / r;
            g = d[i + 1] - shift;
            r = ((d[i] - g) * sine) + (2 * cosine * b);
            shift = sine * r;
            d[i + 1] = g + shift;
            g = (cosine * r) - b;
            if (z is not null) VectorOps.Rotate(z + (i * zDistance), z + ((i + 1) * zDistance), zColumns, cosine, sine);
        }

        d[low] -= shift;
        e[low] = g;
        e[high] = 0;
    }
}
