using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Calibration;

/// <summary>
/// The unrestricted solution of min ||W X - V X~||^2 + d ||W - V||^2: V = (W C + d W) (G~ + d I)^-1, with C = X X~^T and
/// G~ = X~ X~^T. What a pair loses against W X is what it loses against V X~ and a constant, so the pair is fitted to V
/// in the metric of G~ + d I (reduced-rank regression). With X~ = X it is W.
/// </summary>
internal static class SequentialTarget
{
    /// <summary>Computes V, out x in.</summary>
    /// <param name="engine">What computes.</param>
    /// <param name="weight">W, out x in.</param>
    /// <param name="cross">C, in x in.</param>
    /// <param name="damped">G~ + d I.</param>
    /// <param name="ridge">d.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    public static Matrix<double> Compute(ITensorEngine engine, Matrix<double> weight, Matrix<double> cross, Matrix<double> damped, double ridge, CancellationToken cancellationToken)
    {
        using GramRoot root = new(engine, damped, cancellationToken);
        using ITensor w = engine.Load(weight.View), c = engine.Load(cross.View);
        using ITensor right = engine.Copy(w, ElementType.Float64), turned = engine.Create(ElementType.Float64, w.Shape[0], w.Shape[1]);
        engine.MatMul(1, w, c, ridge, right, cancellationToken);
        // (R^T R)^-1 = R^-1 R^-T.
        engine.MatMul(1, right, engine.Transpose(root.InverseTransposed), 0, turned, cancellationToken);
        engine.MatMul(1, turned, root.InverseTransposed, 0, right, cancellationToken);
        return HostMatrix.Of(engine, right);
    }
}
