using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Calibration;

/// <summary>The best factor beside one that is given: least squares in closed form.</summary>
internal static class FactorRefit
{
    /// <summary>
    /// B = W G A^T (A G A^T)^+, which minimises tr(H (W - B A) G (W - B A)^T) for every H; directions of A that no input
    /// reaches get nothing.
    /// </summary>
    /// <param name="engine">What computes.</param>
    /// <param name="weight">W, m x n.</param>
    /// <param name="right">A, r x n.</param>
    /// <param name="gram">G, n x n; null for I.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    /// <returns>B, m x r.</returns>
    public static Matrix<double> Left(ITensorEngine engine, Matrix<double> weight, Matrix<double> right, Gram? gram, CancellationToken cancellationToken)
    {
        using ITensor w = engine.Load(weight.View), a = engine.Load(right.View);
        using ITensor ag = Weighted(engine, right, a, gram, cancellationToken);
        using ITensor small = Product(engine, ag, engine.Transpose(a), cancellationToken);
        using Matrix<double> square = HostMatrix.Of(engine, small);
        // Of A G A^T, r x r, what is below its rank must not come back as the inverse of rounding errors.
        using GramRoot root = new(engine, square, cancellationToken);
        using ITensor wag = Product(engine, w, engine.Transpose(ag), cancellationToken);
        using ITensor turned = Product(engine, wag, engine.Transpose(root.InverseTransposed), cancellationToken);
        using ITensor left = Product(engine, turned, root.InverseTransposed, cancellationToken);
        return HostMatrix.Of(engine, left);
    }

    /// <summary>The best A beside a given B: <see cref="Left"/> of the transposes, with the Gram of the other side.</summary>
    /// <param name="engine">What computes.</param>
    /// <param name="weight">W, m x n.</param>
    /// <param name="left">B, m x r.</param>
    /// <param name="gram">H, m x m; null for I.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    /// <returns>A, r x n.</returns>
    public static Matrix<double> Right(ITensorEngine engine, Matrix<double> weight, Matrix<double> left, Gram? gram, CancellationToken cancellationToken)
    {
        using Matrix<double> turnedWeight = weight.Transposed.ToMatrix(), turnedLeft = left.Transposed.ToMatrix();
        using Matrix<double> turned = Left(engine, turnedWeight, turnedLeft, gram, cancellationToken);
        return turned.Transposed.ToMatrix();
    }

    private static ITensor Weighted(ITensorEngine engine, Matrix<double> right, ITensor a, Gram? gram, CancellationToken cancellationToken)
    {
        if (gram?.Dense is { } dense)
        {
            using ITensor g = engine.Load(dense.View);
            return Product(engine, a, g, cancellationToken);
        }
        using Matrix<double> scaled = right.Copy();
        if (gram?.Diagonal is { } diagonal)
            HostMatrix.ScaleColumns(scaled, diagonal);
        using ITensor loaded = engine.Load(scaled.View);
        return engine.Copy(loaded, ElementType.Float64);
    }

    private static ITensor Product(ITensorEngine engine, ITensor a, ITensor b, CancellationToken cancellationToken)
    {
        ITensor c = engine.Create(ElementType.Float64, a.Shape[0], b.Shape[1]);
        engine.MatMul(1, a, b, 0, c, cancellationToken);
        return c;
    }
}
