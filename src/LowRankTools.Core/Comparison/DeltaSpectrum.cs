using LowRankTools.Formats;
using LowRankTools.Numerics;

namespace LowRankTools.Core;

/// <summary>What the singular values of a difference say about its origin.</summary>
internal static class DeltaSpectrum
{
    /// <summary>Entropy rank and numerical rank of D = A - B.</summary>
    /// <param name="engine">What computes.</param>
    /// <param name="delta">D, m x n.</param>
    /// <param name="squaredNorm">||A||_F^2: what was rounded when A and B were stored.</param>
    /// <param name="stored">The coarser of the two types that A and B were stored in.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    public static (double EffectiveRank, int Rank) Measure(ITensorEngine engine, Matrix<float> delta, double squaredNorm, TensorDType stored, CancellationToken cancellationToken)
    {
        using ITensor loaded = engine.Load(delta.View);
        double[] values = SingularValues.Compute(engine, loaded, cancellationToken);
        double floor = Math.Max(NoiseFloor(delta, squaredNorm, stored), (values.Length > 0 ? values[0] : 0) * 1e-6);
        return (SpectrumMeasures.EffectiveRank(values), values.Count(s => s > floor));
    }

    /// <summary>
    /// Rounding an entry w to a type of unit roundoff u adds an error of about |w| u / sqrt 3, spread like noise. The
    /// largest singular value of m x n noise of deviation s is about s (sqrt m + sqrt n). Both models were rounded, and
    /// where one is a pair its factors and their product were too: sixteen times that is the floor, still far below any
    /// difference that was meant.
    /// </summary>
    private static double NoiseFloor(Matrix<float> delta, double squaredNorm, TensorDType stored)
    {
        double roundoff = stored switch
        {
            TensorDType.F16 => 1.0 / 2048,
            TensorDType.BF16 => 1.0 / 256,
            TensorDType.F32 or TensorDType.F64 => 1.0 / (1 << 24),
            _ => 1.0 / 16,
        };
        double deviation = Math.Sqrt(squaredNorm / Math.Max(1, delta.Length)) * roundoff / Math.Sqrt(3);
        return 16 * deviation * (Math.Sqrt(delta.Rows) + Math.Sqrt(delta.Columns));
    }
}
