using System.Numerics;
using System.Runtime.CompilerServices;

namespace LowRankTools.Numerics.Factorizations.Eigen;

/// <summary>
/// Roots of f(x) = 1 / rho + sum_j z_j^2 / (d_j - x), the eigenvalues of diag(d) + rho z z^T, for d ascending and
/// rho positive; root i lies between d_i and d_(i+1). Distances from the nearest pole are kept, because eigenvectors
/// need d_j - x to full relative precision (Li, "Solving secular equations stably and efficiently", 1993).
/// </summary>
internal static class SecularEquation
{
    private const int MostSteps = 120;
    private const double Epsilon = 1.1102230246251565e-16;

    /// <summary>Finds root <paramref name="i"/>.</summary>
    /// <param name="d">Poles, strictly ascending.</param>
    /// <param name="z">Weights before squaring, none of them 0.</param>
    /// <param name="rho">Positive factor.</param>
    /// <param name="i">Which root.</param>
    /// <returns>The nearest pole and how far the root is from it: d_j - x is d_j - d_origin - offset.</returns>
    public static (int Origin, double Offset) Solve(ReadOnlySpan<double> d, ReadOnlySpan<double> z, double rho, int i)
    {
        int n = d.Length;
        if (n == 1) return (0, rho * z[0] * z[0]);

        bool last = i == n - 1;
        double squared = 0;
        if (last) foreach (double value in z) squared += value * value;
        double width = last ? rho * squared : d[i + 1] - d[i];

        // Count from the pole whose half of the interval holds the root.
        int origin = i;
        double low = 0, high = width;
        if (!last)
        {
            double half = 0.5 * width;
            if (Evaluate(d, z, rho, i, d[i], half).Value >= 0) high = half;
            else (origin, low, high) = (i + 1, -half, 0);
        }

        // The two groups of poles and, of each, the nearest pole; below the last pole all others are one group.
        int split = last ? n - 2 : i;
        double x = 0.5 * (low + high);
        for (int step = 0; step < MostSteps; step++)
        {
            (double value, double slopeBelow, double slopeAbove, double scale) = Evaluate(d, z, rho, split, d[origin], x);
            if (Math.Abs(value) <= 4 * Epsilon * scale) break;
            if (value < 0) low = x;
            else high = x;
            double next = Interpolate(d, split, origin, x, value, slopeBelow, slopeAbove);
            if (!(next > low && next < high)) next = 0.5 * (low + high);
            double moved = Math.Abs(next - x);
            x = next;
            if (moved <= Epsilon * Math.Abs(x)) break;
        }

        return (origin, x);
    }

    // f at origin + x, the slopes of the two groups, and the sum of magnitudes that bounds the rounding of f.
    private static (double Value, double SlopeBelow, double SlopeAbove, double Scale) Evaluate(
        ReadOnlySpan<double> d, ReadOnlySpan<double> z, double rho, int split, double origin, double x)
    {
        (double below, double slopeBelow) = Sum(d[..(split + 1)], z[..(split + 1)], origin, x);
        (double above, double slopeAbove) = Sum(d[(split + 1)..], z[(split + 1)..], origin, x);
        double constant = 1 / rho;
        return (constant + below + above, slopeBelow, slopeAbove, constant + (8 * (Math.Abs(below) + Math.Abs(above))));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (double Value, double Slope) Sum(ReadOnlySpan<double> d, ReadOnlySpan<double> z, double origin, double x)
    {
        double value = 0, slope = 0;
        int j = 0;
        if (Vector.IsHardwareAccelerated)
        {
            var values = Vector<double>.Zero;
            var slopes = Vector<double>.Zero;
            var from = new Vector<double>(origin);
            var at = new Vector<double>(x);
            for (; j <= d.Length - Vector<double>.Count; j += Vector<double>.Count)
            {
                var weight = new Vector<double>(z[j..]);
                Vector<double> term = weight / (new Vector<double>(d[j..]) - from - at);
                values += weight * term;
                slopes += term * term;
            }

            value = Vector.Sum(values);
            slope = Vector.Sum(slopes);
        }

        for (; j < d.Length; j++)
        {
            double term = z[j] / (d[j] - origin - x);
            value += z[j] * term;
            slope += term * term;
        }

        return (value, slope);
    }

    // Each group is replaced by a constant and its nearest pole, matched in value and slope: a quadratic in the step.
    private static double Interpolate(ReadOnlySpan<double> d, int split, int origin, double x, double value, double slopeBelow, double slopeAbove)
    {
        double toBelow = d[split] - d[origin] - x, toAbove = d[split + 1] - d[origin] - x;
        double weightBelow = slopeBelow * toBelow * toBelow, weightAbove = slopeAbove * toAbove * toAbove;
        double a = value - (slopeBelow * toBelow) - (slopeAbove * toAbove);
        double b = (a * (toBelow + toAbove)) + weightBelow + weightAbove;
        double c = toBelow * toAbove * value;
        double root = Math.Sqrt(Math.Max(0, (b * b) - (4 * a * c)));
        return x + (b > 0 ? 2 * c / (b + root) : (b - root) / (2 * a));
    }
}
