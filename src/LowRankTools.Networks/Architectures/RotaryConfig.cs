using LowRankTools.Numerics;

namespace LowRankTools.Networks.Architectures;

/// <summary>
/// How fast rotary positions turn (Su et al., "RoFormer", 2021): feature pair i of a head turns by
/// position * Base^(-i / (HeadWidth / 2)).
/// </summary>
public sealed record RotaryConfig
{
    /// <summary>Base of the frequencies, <c>rope_theta</c>.</summary>
    public double Base { get; init; } = 10_000;

    /// <summary>Slows every turn by this factor, <c>rope_scaling.factor</c>; 1 leaves them.</summary>
    public double Factor { get; init; } = 1;

    /// <summary>
    /// Where the factor is for slow turns only (Llama 3.1, <c>rope_type</c> llama3): the length of the original
    /// training, <c>original_max_position_embeddings</c>; zero slows all alike (<c>rope_type</c> linear).
    /// </summary>
    public int OriginalPositions { get; init; }

    /// <summary>Turns over the original length below which a pair is slowed by the whole factor, <c>low_freq_factor</c>.</summary>
    public double LowTurns { get; init; } = 1;

    /// <summary>Turns over the original length above which a pair is left alone, <c>high_freq_factor</c>.</summary>
    public double HighTurns { get; init; } = 4;

    /// <summary>
    /// What slows each feature pair, one number a pair, in place of <see cref="Factor"/> (<c>rope_type</c> longrope with equal <c>short_factor</c> and
    /// <c>long_factor</c>); null where there are none. Heads that kept some of their pairs keep these pairs' turns by them.
    /// </summary>
    public IReadOnlyList<double>? Divisors { get; init; }

    /// <summary>Whether both turn alike, divisors compared one by one.</summary>
    public bool Equals(RotaryConfig? other) =>
        other is not null && (Base, Factor, OriginalPositions, LowTurns, HighTurns) == (other.Base, other.Factor, other.OriginalPositions, other.LowTurns, other.HighTurns)
        && (Divisors is null ? other.Divisors is null : other.Divisors is not null && Divisors.SequenceEqual(other.Divisors));

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Base, Factor, OriginalPositions, LowTurns, HighTurns, Divisors?.Count);

    /// <summary>Radians that each feature pair turns from one position to the next.</summary>
    /// <param name="headWidth">Features of a head, even.</param>
    public double[] Frequencies(int headWidth)
    {
        double[] frequencies = new double[headWidth / 2];
        for (int i = 0; i < frequencies.Length; i++)
        {
            double frequency = Math.Pow(Base, -2.0 * i / headWidth);
            frequencies[i] = Divisors is null ? Slowed(frequency) : frequency / Divisors[i];
        }
        return frequencies;
    }

    /// <summary>The <see cref="Divisors"/> by which narrower heads turn as chosen pairs of these do.</summary>
    /// <param name="headWidth">Features of a head now, even.</param>
    /// <param name="pairs">The pairs that stay.</param>
    public double[] DivisorsOf(int headWidth, IReadOnlyList<int> pairs)
    {
        double[] turns = Frequencies(headWidth);
        return [.. pairs.Select((pair, i) => Math.Pow(Base, -(double)i / pairs.Count) / turns[pair])];
    }

    /// <summary>Refuses turns that cannot be.</summary>
    /// <param name="headWidth">Features of a head.</param>
    /// <exception cref="LowRankToolsException"><c>ConfigInvalid</c>.</exception>
    public void Check(int headWidth)
    {
        bool sane = double.IsFinite(Base) && Base > 1 && double.IsFinite(Factor) && Factor > 0
            && OriginalPositions >= 0 && LowTurns > 0 && HighTurns > LowTurns && double.IsFinite(HighTurns)
            && (Divisors is null || Divisors.Count == headWidth / 2 && Divisors.All(d => double.IsFinite(d) && d > 0));
        if (!sane)
            throw new LowRankToolsException(NetworkConfigErrors.ConfigInvalid, "The rotary positions (rope_theta, rope_scaling) are out of range.", "Correct the configuration.");
    }

    private double Slowed(double frequency)
    {
        if (OriginalPositions == 0)
            return frequency / Factor;
        double turns = OriginalPositions * frequency / (2 * Math.PI);
        double kept = Math.Clamp((turns - LowTurns) / (HighTurns - LowTurns), 0, 1);
        return frequency * (kept + (1 - kept) / Factor);
    }
}
