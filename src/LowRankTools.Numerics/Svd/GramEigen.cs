namespace LowRankTools.Numerics;

/// <summary>The eigen-decomposition of A A^T in float64, which is at the heart of both routes.</summary>
internal static class GramEigen
{
    /// <summary>All eigenvalues, descending, and the wanted eigenvectors as rows.</summary>
    /// <param name="engine">Engine that holds A.</param>
    /// <param name="a">A, m x n; m is the size of the problem.</param>
    /// <param name="choose">Receives all values and says how many vectors are wanted.</param>
    /// <param name="made">Called between the product and the decomposition.</param>
    /// <param name="ct">Stops the computation.</param>
    public static (double[] Values, ITensor Vectors) Compute(ITensorEngine engine, ITensor a, Func<double[], int> choose, Action? made, CancellationToken ct)
    {
        using ITensor gram = engine.Gram(a, ct);
        made?.Invoke();

        // The contract keeps the matrix; here a second one of its size is worth avoiding.
        return engine is EmbeddedEngine embedded ? embedded.SymmetricEigenInPlace(gram, choose, ct) : engine.SymmetricEigen(gram, choose, ct);
    }
}
