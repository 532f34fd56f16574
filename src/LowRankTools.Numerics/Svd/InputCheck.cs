namespace LowRankTools.Numerics;

/// <summary>What every decomposition demands of its input.</summary>
internal static class InputCheck
{
    /// <summary>||A||_F^2, or the error NonFiniteValues.</summary>
    public static double SquaredNormOfFinite(MatrixView<float> a, ComputeOptions options, CancellationToken ct)
    {
        // A sum of squares of finite float32 numbers cannot overflow float64, so one pass tells both.
        double squared = Norms.FrobeniusSquared(a, options, ct);
        if (double.IsFinite(squared)) return squared;
        throw new LowRankToolsException("NonFiniteValues", $"The {a.Rows}x{a.Columns} matrix holds NaN or infinity.", "Repair or exclude this tensor.");
    }
}
