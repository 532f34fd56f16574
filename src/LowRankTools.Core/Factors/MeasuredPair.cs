namespace LowRankTools.Core.Factors;

/// <summary>What was measured of a layer while it became a pair.</summary>
/// <param name="Error">||W - W'|| / ||W||, W' the product of the factors as stored.</param>
/// <param name="SquaredNorm">||W||^2.</param>
/// <param name="Algorithm">What found the factors.</param>
/// <param name="Seconds">Time it took; null where another run computed it.</param>
/// <param name="Calibrated">The error on the calibration inputs; null without.</param>
/// <param name="HeldOut">The error on inputs that nothing was fitted on; null without.</param>
/// <param name="Engine">Engine and device that computed; null where another run did.</param>
internal readonly record struct MeasuredPair(double Error, double SquaredNorm, string Algorithm, double? Seconds, double? Calibrated, double? HeldOut, string? Engine = null)
{
    /// <summary>||W - W'|| / ||W||, W' the product of the factors before they were quantised; null where they were not.</summary>
    public double? Truncation { get; init; }

    /// <summary>||W' - W''|| / ||W||, W'' the product of the quantised factors; null where they were not.</summary>
    public double? Quantization { get; init; }

    /// <summary>Entries that a pattern of zeros took away; null where there is none.</summary>
    public long? Zeroed { get; init; }

    /// <summary>As long as a number gets.</summary>
    public const double LongestNumber = -1.2345678901234567E-300;

    /// <summary>Stands in for what is measured until it is known.</summary>
    public static MeasuredPair Longest { get; } = new(LongestNumber, 0, "", 0, LongestNumber, LongestNumber) { Truncation = LongestNumber, Quantization = LongestNumber };
}
