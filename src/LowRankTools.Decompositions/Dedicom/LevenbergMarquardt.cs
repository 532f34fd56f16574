using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Dedicom;

/// <summary>
/// A problem of nonlinear least squares in few unknowns: its residuals, and their derivatives as rows, one an unknown.
/// </summary>
internal interface IResiduals
{
    /// <summary>Number of residuals.</summary>
    int Count { get; }

    /// <summary>Number of unknowns.</summary>
    int Unknowns { get; }

    /// <summary>The residuals at a point.</summary>
    void Evaluate(ReadOnlySpan<double> point, Span<double> residuals);

    /// <summary>Derivatives at a point, unknowns x residuals; all entries are written.</summary>
    void Differentiate(ReadOnlySpan<double> point, Matrix<double> derivatives);
}

/// <summary>Levenberg-Marquardt (Marquardt, 1963) with the damping of Nielsen (1999): what is never worse from step to step, and quadratic at the end.</summary>
internal static class LevenbergMarquardt
{
    /// <summary>Damping of the first step from anywhere.</summary>
    public const double Far = 1e-3;

    /// <summary>Damping of the first step from near a minimum: nearly Newton's.</summary>
    public const double Near = 1e-7;

    private const double Worst = 1e14, Tiny = 1e-30;

    // Products are not determined by their factors' lengths, so the system is singular: what is added must stand out from rounding.
    private const double Least = 1e-12;

    /// <summary>Improves a point in place.</summary>
    /// <param name="problem">The residuals.</param>
    /// <param name="point">The start, and what was found.</param>
    /// <param name="steps">Most steps.</param>
    /// <param name="rest">Relative change of the sum of squares below which it rests.</param>
    /// <param name="damping">Damping of the first step, <see cref="Far"/> or <see cref="Near"/>.</param>
    /// <param name="options">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <returns>The sum of squares, the steps, and whether it came to rest.</returns>
    public static (double Loss, int Steps, bool Converged) Run(IResiduals problem, double[] point, int steps, double rest, double damping, ComputeOptions options, CancellationToken ct)
    {
        EmbeddedEngine engine = new(options);
        int unknowns = point.Length;
        double[] residuals = new double[problem.Count], trial = new double[unknowns], there = new double[problem.Count];
        using Matrix<double> derivatives = Matrix<double>.Uninitialized(unknowns, problem.Count), normal = Matrix<double>.Uninitialized(unknowns, unknowns), right = Matrix<double>.Uninitialized(unknowns, 1);
        problem.Evaluate(point, residuals);
        double loss = Sums.OfSquares(residuals), growth = 2;
        int done = 0, calm = 0;
        bool fresh = true, still = false;
        for (; done < steps && loss > Tiny && damping < Worst && calm < 3 && !still; done++)
        {
            ct.ThrowIfCancellationRequested();
            if (fresh)
            {
                problem.Differentiate(point, derivatives);
                Gemm.MultiplyByOwnTranspose(1, derivatives.View, 0, normal.View, options, ct);
                for (int i = 0; i < unknowns; i++)
                    right[i, 0] = -Sums.OfProducts(derivatives.Row(i), residuals);
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
            // Where a step that is hardly damped can gain nothing, what it seems to gain or lose is rounding.
            still = step is not null && damping <= Far && predicted <= rest * loss;
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
            (damping, growth) = (Math.Max(Least, damping * Math.Max(1.0 / 3, 1 - Math.Pow((2 * gain) - 1, 3))), 2);
        }
        return (loss, done, loss <= Tiny || damping >= Worst || calm >= 3 || still);
    }

    // (N + damping diag(N)) s = right by Cholesky, unknowns on the scale that gives N a diagonal of ones; null where that is not positive definite.
    private static double[]? Solve(ITensorEngine engine, Matrix<double> normal, Matrix<double> right, double damping, CancellationToken ct)
    {
        int n = normal.Rows;
        double least = 0;
        for (int i = 0; i < n; i++)
            least = Math.Max(least, normal[i, i]);
        double[] scale = new double[n], step = new double[n];
        for (int i = 0; i < n; i++)
            scale[i] = least > 0 ? 1 / Math.Sqrt(Math.Max(normal[i, i], 1e-12 * least)) : 1;
        using Matrix<double> scaled = Matrix<double>.Uninitialized(n, n);
        for (int i = 0; i < n; i++)
        {
            ReadOnlySpan<double> source = normal.Row(i);
            Span<double> row = scaled.Row(i);
            for (int j = 0; j < n; j++)
                row[j] = source[j] * (scale[i] * scale[j]);
            row[i] += damping;
            step[i] = right[i, 0] * scale[i];
        }
        try
        {
            using ITensor a = engine.Load(scaled.View), factor = engine.Cholesky(a, ct);
            SolveTriangles(engine.ToArray(factor), step);
        }
        catch (LowRankToolsException)
        {
            return null;
        }
        for (int i = 0; i < n; i++)
            step[i] *= scale[i];
        return step.All(double.IsFinite) ? step : null;
    }

    // L L^T x = b in place of b.
    private static void SolveTriangles(ReadOnlySpan<double> l, Span<double> x)
    {
        int n = x.Length;
        for (int i = 0; i < n; i++)
            x[i] = (x[i] - Sums.OfProducts(l.Slice(i * n, i), x[..i])) / l[(i * n) + i];
        for (int i = n - 1; i >= 0; i--)
        {
            double value = x[i] /= l[(i * n) + i];
            ReadOnlySpan<double> row = l.Slice(i * n, i);
            for (int j = 0; j < i; j++)
                x[j] -= value * row[j];
        }
    }
}
