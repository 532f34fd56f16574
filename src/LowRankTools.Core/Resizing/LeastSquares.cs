using LowRankTools.Core.Calibration;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Resizing;

/// <summary>Weights that are fitted to the outputs of others: W' = W C S (S^T C S)^+ over fewer inputs S^T x gives the nearest outputs to W x, C = sum of x x^T.</summary>
internal static class LeastSquares
{
    /// <summary>W', m x k.</summary>
    /// <param name="engine">What computes.</param>
    /// <param name="weight">W, m x n.</param>
    /// <param name="columns">C S, n x k.</param>
    /// <param name="square">S^T C S, k x k.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    public static Matrix<double> Fit(ITensorEngine engine, Matrix<double> weight, Matrix<double> columns, Matrix<double> square, CancellationToken cancellationToken)
    {
        using GramRoot root = new(engine, square, cancellationToken);
        using ITensor w = engine.Load(weight.View), c = engine.Load(columns.View), wc = Product(engine, w, c, cancellationToken);
        using ITensor half = Product(engine, wc, engine.Transpose(root.InverseTransposed), cancellationToken), whole = Product(engine, half, root.InverseTransposed, cancellationToken);
        return HostMatrix.Of(engine, whole);
    }

    /// <summary>(T W)^T with T^T T = H, n x m: columns of W as rows, each weighed by what its outputs matter.</summary>
    /// <param name="engine">What computes.</param>
    /// <param name="weight">W, m x n.</param>
    /// <param name="outputs">H, m x m; null for I.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    public static ITensor Turned(ITensorEngine engine, Matrix<double> weight, Gram? outputs, CancellationToken cancellationToken)
    {
        using Matrix<double> scaled = weight.Copy();
        if (outputs?.Diagonal is { } diagonal)
            HostMatrix.ScaleRows(scaled, Array.ConvertAll(diagonal, Math.Sqrt));
        using ITensor w = engine.Load(scaled.View);
        if (outputs?.Dense is not { } dense)
            return engine.Copy(engine.Transpose(w), ElementType.Float64);
        using GramRoot root = new(engine, dense, cancellationToken);
        return Product(engine, engine.Transpose(w), engine.Transpose(root.Root), cancellationToken);
    }

    /// <summary>A B, in float64.</summary>
    public static ITensor Product(ITensorEngine engine, ITensor a, ITensor b, CancellationToken cancellationToken)
    {
        ITensor c = engine.Create(ElementType.Float64, a.Shape[0], b.Shape[1]);
        engine.MatMul(1, a, b, 0, c, cancellationToken);
        return c;
    }
}
