using LowRankTools.Numerics.Engines;

namespace LowRankTools.Numerics.Svd;

/// <summary>How far a product of two factors is from its matrix.</summary>
public static class ResidualNorm
{
    // Below this share of the energy, float32 factors no longer let ||A||^2 - ||S||^2 be trusted.
    private const double TrustedShare = 1e-3;

    private const int BlockElements = 1 << 20;

    /// <summary>||A - U S Vt||_F / ||A||_F for S = diag(U^T A V); 0 for a zero matrix.</summary>
    internal static double Relative(ITensorEngine engine, ITensor a, ITensor ut, double[] values, ITensor vt, double squaredNorm, CancellationToken ct)
    {
        if (squaredNorm == 0) return 0;
        double left = squaredNorm;
        foreach (double value in values) left -= value * value;
        if (left > TrustedShare * squaredNorm) return Math.Sqrt(left / squaredNorm);
        return Math.Sqrt(Explicit(engine, a, ut, values, vt, ct) / squaredNorm);
    }

    /// <summary>||A - L R||_F^2, made from blocks of A's rows, in float32 and summed in float64.</summary>
    /// <param name="engine">Engine that holds the tensors.</param>
    /// <param name="a">A, m x n, float32.</param>
    /// <param name="left">L, m x r, float32.</param>
    /// <param name="right">R, r x n, float32.</param>
    /// <param name="ct">Stops between blocks.</param>
    /// <returns>NaN or infinity where the product leaves float32.</returns>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static double Squared(ITensorEngine engine, ITensor a, ITensor left, ITensor right, CancellationToken ct = default)
    {
        int rows = a.Shape[0], step = Math.Clamp(BlockElements / Math.Max(1, a.Shape[1]), 1, Math.Max(1, rows));
        double sum = 0;
        for (int i = 0; i < rows; i += step)
        {
            ct.ThrowIfCancellationRequested();
            int count = Math.Min(step, rows - i);
            using ITensor difference = engine.Copy(engine.Slice(a, i, count), ElementType.Float32);
            engine.MatMul(-1, engine.Slice(left, i, count), right, 1, difference, ct);
            sum += engine.SumOfSquares(difference);
        }

        return sum;
    }

    private static double Explicit(ITensorEngine engine, ITensor a, ITensor ut, double[] values, ITensor vt, CancellationToken ct)
    {
        using ITensor scaled = engine.Copy(vt, ElementType.Float32);
        engine.ScaleRows(values, scaled);
        return Squared(engine, a, engine.Transpose(ut), scaled, ct);
    }
}
