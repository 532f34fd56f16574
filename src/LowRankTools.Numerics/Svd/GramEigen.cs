using LowRankTools.Numerics.Engines;

namespace LowRankTools.Numerics.Svd;

/// <summary>The eigen-decomposition of A A^T, which is at the heart of all routes.</summary>
internal static class GramEigen
{
    /// <summary>In float64: all eigenvalues, descending, and the wanted eigenvectors as rows.</summary>
    /// <param name="engine">Engine that holds A.</param>
    /// <param name="a">A, m x n; m is the size of the problem.</param>
    /// <param name="choose">Receives all values and says how many vectors are wanted.</param>
    /// <param name="made">Called between the product and the decomposition.</param>
    /// <param name="ct">Stops the computation.</param>
    public static (double[] Values, ITensor Vectors) Compute(ITensorEngine engine, ITensor a, Func<double[], int> choose, Action? made, CancellationToken ct)
    {
        using ITensor gram = engine.Gram(a, ct);
        made?.Invoke();
        return Decompose(engine, gram, choose, ct);
    }

    /// <summary>The eigen-decomposition of a finite matrix of either type that is of no use afterwards, but to be disposed of.</summary>
    /// <param name="engine">Engine that holds it.</param>
    /// <param name="gram">Symmetric, made by the engine and no view of another tensor.</param>
    /// <param name="choose">Receives all values and says how many vectors are wanted.</param>
    /// <param name="ct">Stops the computation.</param>
    public static (double[] Values, ITensor Vectors) Decompose(ITensorEngine engine, ITensor gram, Func<double[], int> choose, CancellationToken ct) =>
        // A second matrix of its size is worth avoiding.
        engine.SymmetricEigenInPlace(gram, choose, ct);
}
