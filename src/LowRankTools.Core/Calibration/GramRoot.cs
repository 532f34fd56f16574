using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Calibration;

/// <summary>
/// A root of a whole Gram matrix by its eigen-decomposition: G = V^T diag(l) V has G = R^T R with R = diag(l)^1/2 V.
/// Unlike Cholesky's, it stands rank-deficient matrices: eigenvalues below 1e-14 of the largest, and their inverses, count
/// as zero.
/// </summary>
internal sealed class GramRoot : IDisposable
{
    private const double Smallest = 1e-14;

    private readonly Matrix<double> _root, _inverseTransposed;

    /// <summary>Decomposes.</summary>
    /// <param name="engine">What computes.</param>
    /// <param name="gram">G, n x n, damped.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    public GramRoot(ITensorEngine engine, Matrix<double> gram, CancellationToken cancellationToken)
    {
        using ITensor loaded = engine.Load(gram.View);
        (double[] values, ITensor vectors) = engine.SymmetricEigen(loaded, null, cancellationToken);
        using (vectors)
        {
            double[] roots = Array.ConvertAll(values, l => l > values[0] * Smallest ? Math.Sqrt(l) : 0);
            _root = HostMatrix.Of(engine, vectors);
            _inverseTransposed = _root.Copy();
            HostMatrix.ScaleRows(_root, roots);
            HostMatrix.ScaleRows(_inverseTransposed, Array.ConvertAll(roots, l => l > 0 ? 1 / l : 0));
        }
        Root = engine.Load(_root.View);
        InverseTransposed = engine.Load(_inverseTransposed.View);
    }

    /// <summary>R, n x n.</summary>
    public ITensor Root { get; }

    /// <summary>The transpose of the inverse of R: diag(l)^-1/2 V, n x n.</summary>
    public ITensor InverseTransposed { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Root.Dispose();
        InverseTransposed.Dispose();
        _root.Dispose();
        _inverseTransposed.Dispose();
    }
}
