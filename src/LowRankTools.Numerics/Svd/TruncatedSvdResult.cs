using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Numerics.Svd;

/// <summary>
/// The leading part of a singular value decomposition, A ~= U diag(SingularValues) Vt. The columns of U and the
/// rows of Vt are orthonormal; the entry of largest magnitude in each column of U is positive (the first one on a
/// tie), so that engines agree on signs.
/// </summary>
public sealed class TruncatedSvdResult : IDisposable
{
    internal TruncatedSvdResult(Matrix<float> u, double[] singularValues, Matrix<float> vt, double squaredNorm, double relativeError, string algorithm)
    {
        U = u;
        SingularValues = singularValues;
        Vt = vt;
        SquaredNorm = squaredNorm;
        RelativeError = relativeError;
        Algorithm = algorithm;
    }

    /// <summary>Left singular vectors, rows x rank.</summary>
    public Matrix<float> U { get; }

    /// <summary>Singular values, descending; one for each component.</summary>
    public double[] SingularValues { get; }

    /// <summary>Right singular vectors, rank x columns.</summary>
    public Matrix<float> Vt { get; }

    /// <summary>Number of components.</summary>
    public int Rank => SingularValues.Length;

    /// <summary>||A||_F^2, accumulated in float64.</summary>
    public double SquaredNorm { get; }

    /// <summary>
    /// ||A - U S Vt||_F / ||A||_F of this very result: from ||A||^2 minus the captured energy, or from the explicit
    /// residual where that difference cancels. Zero for a zero matrix.
    /// </summary>
    public double RelativeError { get; }

    /// <summary>The route that was taken, for people to read.</summary>
    public string Algorithm { get; }

    /// <summary>Frees both factors.</summary>
    public void Dispose()
    {
        U.Dispose();
        Vt.Dispose();
    }
}
