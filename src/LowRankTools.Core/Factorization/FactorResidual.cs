using LowRankTools.Numerics;

namespace LowRankTools.Core;

/// <summary>The exact error of a pair, by forming the difference a block of rows at a time.</summary>
internal static class FactorResidual
{
    private const int BlockElements = 1 << 20;

    /// <summary>||W - L R||_F / ||W||_F; zero for a zero matrix that the pair meets.</summary>
    /// <param name="weight">W, m x n.</param>
    /// <param name="left">L, m x r.</param>
    /// <param name="right">R, r x n.</param>
    /// <param name="squaredNorm">||W||_F^2.</param>
    /// <param name="threads">Threads to use; zero for all.</param>
    /// <param name="cancellationToken">Stops between blocks.</param>
    public static double Relative(MatrixView<float> weight, Matrix<float> left, Matrix<float> right, double squaredNorm, int threads, CancellationToken cancellationToken)
    {
        if (squaredNorm == 0)
            return 0;
        ComputeOptions options = new() { ThreadCount = threads };
        int step = Math.Clamp(BlockElements / Math.Max(1, weight.Columns), 1, Math.Max(1, weight.Rows));
        using Matrix<float> block = Matrix<float>.Uninitialized(step, weight.Columns);
        double sum = 0;
        for (int first = 0; first < weight.Rows; first += step)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int rows = Math.Min(step, weight.Rows - first);
            MatrixView<float> part = block.View.Slice(0, 0, rows, weight.Columns);
            weight.Slice(first, 0, rows, weight.Columns).CopyTo(part);
            Gemm.Multiply(-1, left.View.Slice(first, 0, rows, left.Columns), right.View, 1, part, options, cancellationToken);
            sum += Norms.FrobeniusSquared(part, options, cancellationToken);
        }
        // Numbers near the end of float32 leave it when they are multiplied.
        return double.IsFinite(sum) ? Math.Sqrt(sum / squaredNorm)
            : throw new LowRankToolsException(CoreErrors.NonFiniteValues, "The product of its factors is not finite in float32.", "Leave it out with -Exclude.");
    }
}
