namespace LowRankTools.Numerics;

/// <summary>How far a truncated SVD is from its matrix.</summary>
internal static unsafe class ResidualNorm
{
    // Below this share of the energy, float32 factors no longer let ||A||^2 - ||S||^2 be trusted.
    private const double TrustedShare = 1e-3;

    private const int BlockElements = 1 << 20;

    /// <summary>||A - U S Vt||_F / ||A||_F for S = diag(U^T A V); 0 for a zero matrix.</summary>
    public static double Relative(MatrixView<float> a, Matrix<float> u, double[] values, Matrix<float> vt, double squaredNorm, int threads, CancellationToken ct)
    {
        if (squaredNorm == 0) return 0;
        double left = squaredNorm;
        foreach (double value in values) left -= value * value;
        if (left > TrustedShare * squaredNorm) return Math.Sqrt(left / squaredNorm);
        return Math.Sqrt(Explicit(a, u, values, vt, threads, ct) / squaredNorm);
    }

    /// <summary>||A - U S Vt||_F^2, made from blocks of rows.</summary>
    public static double Explicit(MatrixView<float> a, Matrix<float> u, double[] values, Matrix<float> vt, int threads, CancellationToken ct)
    {
        int rank = values.Length, step = Math.Clamp(BlockElements / a.Columns, 1, a.Rows);
        using Matrix<float> scaled = Matrix<float>.Uninitialized(step, rank);
        using Matrix<float> difference = Matrix<float>.Uninitialized(step, a.Columns);
        double sum = 0;
        for (int i = 0; i < a.Rows; i += step)
        {
            int rows = Math.Min(step, a.Rows - i);
            for (int r = 0; r < rows; r++)
            {
                Span<float> from = u.Row(i + r), to = scaled.Row(r);
                for (int k = 0; k < rank; k++) to[k] = (float)(from[k] * values[k]);
            }

            MatrixView<float> block = difference.View.Slice(0, 0, rows, a.Columns);
            MatrixCopy.Copy(a.Slice(i, 0, rows, a.Columns), block);
            GemmDriver.Multiply(-1f, scaled.View.Slice(0, 0, rows, rank), vt.View, 1f, block, threads, ct);
            sum += Norms.FrobeniusSquared(block, new ComputeOptions { ThreadCount = threads }, ct);
        }

        return sum;
    }
}
