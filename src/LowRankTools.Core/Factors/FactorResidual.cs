using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Factors;

/// <summary>The exact error of a pair, by forming the difference on the engine that made the pair.</summary>
internal static class FactorResidual
{
    /// <summary>L R on the engine.</summary>
    public static ITensor Product(ITensorEngine engine, Matrix<float> left, Matrix<float> right, CancellationToken cancellationToken)
    {
        using ITensor l = engine.Load(left.View), r = engine.Load(right.View);
        ITensor product = engine.Create(ElementType.Float32, left.Rows, right.Columns);
        try
        {
            engine.MatMul(1, l, r, 0, product, cancellationToken);
            return product;
        }
        catch
        {
            product.Dispose();
            throw;
        }
    }

    /// <summary>||W - L R||_F / ||W||_F; zero for a zero matrix that the pair meets.</summary>
    /// <param name="engine">What computes.</param>
    /// <param name="weight">W, m x n, on the engine.</param>
    /// <param name="left">L, m x r.</param>
    /// <param name="right">R, r x n.</param>
    /// <param name="squaredNorm">||W||_F^2.</param>
    /// <param name="cancellationToken">Stops between blocks.</param>
    /// <exception cref="LowRankToolsException"><c>NonFiniteValues</c>: numbers near the end of float32 leave it when they are multiplied.</exception>
    public static double Relative(ITensorEngine engine, ITensor weight, Matrix<float> left, Matrix<float> right, double squaredNorm, CancellationToken cancellationToken)
    {
        if (squaredNorm == 0)
            return 0;
        using ITensor l = engine.Load(left.View), r = engine.Load(right.View);
        double sum = ResidualNorm.Squared(engine, weight, l, r, cancellationToken);
        return double.IsFinite(sum) ? Math.Sqrt(sum / squaredNorm)
            : throw new LowRankToolsException(CoreErrors.NonFiniteValues, "The product of its factors is not finite in float32.", "Leave it out with -Exclude.");
    }
}
