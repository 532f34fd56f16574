using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Decompositions.Subspaces;

/// <summary>Factorizations of the engine, from and to matrices.</summary>
internal static class SmallFactorizations
{
    /// <summary>Eigenvalues of a symmetric matrix, descending, and the wanted eigenvectors as rows.</summary>
    public static (double[] Values, Matrix<double> Vectors) Eigen(ITensorEngine engine, MatrixView<double> symmetric, Func<double[], int> choose, CancellationToken ct)
    {
        using ITensor loaded = engine.Load(symmetric);
        (double[] values, ITensor vectors) = engine.SymmetricEigen(loaded, choose, ct);
        return (values, Taken(engine, vectors));
    }

    /// <summary>Q^T and R of A = Q R.</summary>
    public static (Matrix<double> Qt, Matrix<double> R) Qr(ITensorEngine engine, MatrixView<double> a, CancellationToken ct)
    {
        using ITensor loaded = engine.Load(a);
        (ITensor q, ITensor r) = engine.Qr(loaded, ct);
        Matrix<double> qt;
        using (Matrix<double> columns = Taken(engine, q))
            qt = columns.Transposed.ToMatrix();
        return (qt, Taken(engine, r));
    }

    private static Matrix<double> Taken(ITensorEngine engine, ITensor tensor)
    {
        using (tensor)
            return Matrix<double>.From(tensor.Shape[0], tensor.Shape[1], engine.ToArray(tensor));
    }
}
