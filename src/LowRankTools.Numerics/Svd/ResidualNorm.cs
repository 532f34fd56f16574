namespace LowRankTools.Numerics;

/// <summary>How far a truncated SVD is from its matrix.</summary>
internal static class ResidualNorm
{
    // Below this share of the energy, float32 factors no longer let ||A||^2 - ||S||^2 be trusted.
    private const double TrustedShare = 1e-3;

    private const int BlockElements = 1 << 20;

    /// <summary>||A - U S Vt||_F / ||A||_F for S = diag(U^T A V); 0 for a zero matrix.</summary>
    public static double Relative(ITensorEngine engine, ITensor a, ITensor ut, double[] values, ITensor vt, double squaredNorm, CancellationToken ct)
    {
        if (squaredNorm == 0) return 0;
        double left = squaredNorm;
        foreach (double value in values) left -= value * value;
        if (left > TrustedShare * squaredNorm) return Math.Sqrt(left / squaredNorm);
        return Math.Sqrt(Explicit(engine, a, ut, values, vt, ct) / squaredNorm);
    }

    /// <summary>||A - U S Vt||_F^2, made from blocks of rows.</summary>
    public static double Explicit(ITensorEngine engine, ITensor a, ITensor ut, double[] values, ITensor vt, CancellationToken ct)
    {
        int rows = a.Shape[0], columns = a.Shape[1], step = Math.Clamp(BlockElements / columns, 1, rows);
        using Matrix<float> host = engine.ToMatrix(vt);
        for (int k = 0; k < values.Length; k++)
        {
            foreach (ref float value in host.Row(k)) value = (float)(value * values[k]);
        }

        using ITensor scaled = engine.Load(host.View);
        ITensor u = engine.Transpose(ut);
        double sum = 0;
        for (int i = 0; i < rows; i += step)
        {
            int count = Math.Min(step, rows - i);
            using ITensor difference = engine.Copy(engine.Slice(a, i, count), ElementType.Float32);
            engine.MatMul(-1, engine.Slice(u, i, count), scaled, 1, difference, ct);
            sum += engine.SumOfSquares(difference);
        }

        return sum;
    }
}
