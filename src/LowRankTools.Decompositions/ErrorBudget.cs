namespace LowRankTools.Decompositions;

/// <summary>A squared error that steps share whose errors are orthogonal, so that their squares add up: what one leaves the others may use.</summary>
/// <param name="tolerance">Relative error of the whole; null for no limit.</param>
/// <param name="squaredNorm">||X||^2.</param>
/// <param name="steps">How many share.</param>
internal sealed class ErrorBudget(double? tolerance, double squaredNorm, int steps)
{
    // Rounding of the sums themselves, which must not break the promise.
    private const double Margin = 1 - 1e-7;

    private int _left = steps;

    /// <summary>Squared error made so far.</summary>
    public double Spent { get; private set; }

    /// <summary>Squared error that is left for all steps to come; infinite without a limit.</summary>
    public double Left => tolerance is { } t ? Math.Max(0, (t * t * Margin * squaredNorm) - Spent) : double.PositiveInfinity;

    /// <summary>Squared error that the next step may make; null for any.</summary>
    public double? Share => tolerance is null ? null : Left / Math.Max(1, _left);

    /// <summary>||X - X'|| / ||X||.</summary>
    public double RelativeError => squaredNorm == 0 ? 0 : Math.Sqrt(Spent / squaredNorm);

    /// <summary>Counts a step.</summary>
    public void Spend(double squaredError)
    {
        Spent += squaredError;
        _left--;
    }
}
