using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Matrices;

/// <summary>What every decomposition demands of its input.</summary>
internal static class InputCheck
{
    /// <summary>||A||_F^2, or the error NonFiniteValues.</summary>
    public static double SquaredNormOfFinite(MatrixView<float> a, ComputeOptions options, CancellationToken ct) =>
        Checked(Norms.FrobeniusSquared(a, options, ct), a.Rows, a.Columns);

    /// <summary>Passes on ||A||_F^2 of a rows x columns matrix, or throws NonFiniteValues.</summary>
    /// <remarks>Squares of finite float32 numbers cannot overflow a float64 sum, so the sum tells of every entry.</remarks>
    public static double Checked(double squaredNorm, int rows, int columns)
    {
        if (double.IsFinite(squaredNorm)) return squaredNorm;
        throw new LowRankToolsException("NonFiniteValues", $"The {rows}x{columns} matrix holds NaN or infinity.", "Repair or exclude this tensor.");
    }
}
