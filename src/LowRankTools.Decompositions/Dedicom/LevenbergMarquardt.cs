using LowRankTools.Numerics;

namespace LowRankTools.Decompositions;

/// <summary>
/// A problem of nonlinear least squares in few unknowns: its residuals, and their derivatives as rows, one an unknown.
/// </summary>
internal interface IResiduals
{
    /// <summary>Number of residuals.</summary>
    int Count { get; }

    /// <summary>The residuals at a point.</summary>
    void Evaluate(ReadOnlySpan<double> point, Span<double> residuals);

    /// <summary>Derivatives at a point, unknowns x residuals; all entries are written.</summary>
    void Differentiate(ReadOnlySpan<double> point, Matrix<double> derivatives);
}

/// <summary>Levenberg-Marquardt (Marquardt, 1963) with the damping of Nielsen (1999): what is never worse from step to step, and quadratic at the end.</summary>
internal static class LevenbergMarquardt
{
    private const double Start = 1e-3, Worst = 1e14, Tiny = 1e-30;

    /// <summary>Improves a point in place.</summary>
    /// <param name="problem">The residuals.</param>
    /// <param name="point">The start, and what was found.</param>
    /// <param name="steps">Most steps.</param>
    /// <param name="rest">Relative change of the sum of squares below which it rests.</param>
    /// <param name="options">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <returns>The sum of squares, the steps, and whether it came to rest.</returns>
    public static (double Loss, int Steps, bool Converged) Run(IResiduals problem, double[] point, int steps, double rest, ComputeOptions options, CancellationToken ct)
    {
        EmbeddedEngine engine = new(options);
        int unknowns = point.Length;
        double[] residuals = new double[problem.Count], trial = new double[unknowns], there = new double[problem.Count];
        using Matrix<double> derivatives = Matrix<double>.Uninitialized(unknowns, problem.Count), normal = Matrix<double>.Uninitialized(unknowns, unknowns), right = Matrix<double>.Uninitialized(unknowns, 1);
        problem.Evaluate(point, residuals);
        double loss = Sums.OfSquares(residuals), damping = 0, growth = 2;
        int done = 0, calm = 0;
        bool fresh = true;
        for (; done < steps && loss > Tiny && damping < Worst && calm < 3; done++)
        {
            ct.ThrowIfCancellationRequested();
            if (fresh)
            {
                problem.Differentiate(point, derivatives);
                Gemm.MultiplyByOwnTranspose(1, derivatives.View, 0, normal.View, options, ct);
                for (int i = 0; i < unknowns; i++)
                    right[i, 0] = -Sums.OfProducts(derivatives.Row(i), residuals);
                damping = damping == 0 ? Start : damping;
            }
            double[]? step = Solve(engine, normal, right, damping, ct);
            double predicted = 0, after = double.PositiveInfinity;
            if (step is not null)
            {
                for (int i = 0; i < unknowns; i++)
                {
                    trial[i] = point[i] + step[i];
                    predicted += step[i] * ((damping * normal[i, i] * step[i]) + right[i, 0]);
                }
                problem.Evaluate(trial, there);
                after = Sums.OfSquares(there);
            }
            fresh = after < loss;
            if (!fresh)
            {
                (damping, growth) = (damping * growth, growth * 2);
                continue;
            }
            double gain = (loss - after) / Math.Max(predicted, Tiny);
            calm = loss - after <= rest * loss ? calm + 1 : 0;
            loss = after;
            trial.CopyTo(point, 0);
            there.CopyTo(residuals, 0);
            (damping, growth) = (Math.Max(1e-15, damping * Math.Max(1.0 / 3, 1 - Math.Pow((2 * gain) - 1, 3))), 2);
        }
        return (loss, done, loss <= Tiny || damping >= Worst || calm >= 3);
    }

    // (N + damping diag(N)) s = right; null where that is singular.
    private static double[]? Solve(EmbeddedEngine engine, Matrix<double> normal, Matrix<double> right, double damping, CancellationToken ct)
    {
        using Matrix<double> damped = normal.Copy();
        double least = 0;
        for (int i = 0; i < damped.Rows; i++)
            least = Math.Max(least, normal[i, i]);
        for (int i = 0; i < damped.Rows; i++)
            damped[i, i] += damping * Math.Max(normal[i, i], 1e-12 * least);
        using ITensor a = engine.Load(damped.View), b = engine.Load(right.View);
        try
        {
            using ITensor x = engine.Solve(a, b, ct);
            double[] step = engine.ToArray(x);
            return step.All(double.IsFinite) ? step : null;
        }
        catch (LowRankToolsException)
        {
            return null;
        }
    }
}
