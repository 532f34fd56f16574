namespace LowRankTools.Numerics.Svd;

/// <summary>The sizes of a block Krylov space for a wanted rank.</summary>
/// <param name="Rank">Rank asked for.</param>
/// <param name="BlockSize">Rows added at a time.</param>
/// <param name="FirstDimensions">Dimensions at which the space is looked at first.</param>
/// <param name="MostDimensions">Dimensions at which it gives up; also the memory it takes.</param>
/// <param name="Accuracy">How close to the best possible error the result must be.</param>
internal sealed record KrylovShape(int Rank, int BlockSize, int FirstDimensions, int MostDimensions, SvdAccuracy Accuracy)
{
    // Widths of a block that fill the vectors of the micro-kernels.
    private const int Granule = 16;
    private const double CompressionGain = 1.9e-3;
    private const double ExactGain = 5e-7;

    /// <summary>Estimated distance of the error from its optimum, as a share, that is good enough.</summary>
    public double AllowedGain => Accuracy == SvdAccuracy.Exact ? ExactGain : CompressionGain;

    /// <summary>The shape for flat A (rows at most columns), or null when the space would be nearly as large as A.</summary>
    public static KrylovShape? For(int rows, int rank, SvdOptions options)
    {
        // Fewer, wider blocks for small ranks, where products would otherwise be too thin; a space of twice the rank
        // and one block more ends within 1.002 of the optimum on spectra i^-0.3, i^-0.5 and i^-1.
        int block = options.BlockSize is { } asked ? Math.Max(asked, 1) : Math.Max(rank <= 2 * Granule ? Granule : 2 * Granule, RoundUp((rank + 3) / 4, Granule));
        double depth = options.Accuracy == SvdAccuracy.Exact ? 3 : 2;
        int beyond = Math.Max(options.Oversampling ?? block, 0);

        // The estimate of what is still to be gained compares two blocks.
        int first = Math.Max(RoundUp((int)(depth * rank) + beyond, block), 2 * block);
        int most = first + Math.Max(first / 2 / block, 2) * block;
        if (most > rows) return null;
        return new KrylovShape(rank, block, first, most, options.Accuracy);
    }

    /// <summary>Rough seconds on two fast cores: two products with A a dimension, and all of the space against itself.</summary>
    public double Cost(int rows, int columns) =>
        (4.0 * FirstDimensions * rows * columns / 130e9) + ((double)FirstDimensions * FirstDimensions * (rows + columns) / 13e9);

    private static int RoundUp(int value, int step) => (value + step - 1) / step * step;
}
