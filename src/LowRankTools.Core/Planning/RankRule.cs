using System.Globalization;
using LowRankTools.Numerics;

namespace LowRankTools.Core;

/// <summary>How a rank is chosen for each layer.</summary>
public abstract record RankRule
{
    private RankRule()
    {
    }

    /// <summary>One rank for all layers.</summary>
    /// <param name="Value">One or more.</param>
    public sealed record Fixed(int Value) : RankRule
    {
        /// <inheritdoc/>
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"Rank {Value}");
    }

    /// <summary>Each pair keeps at most this share of its layer's parameters.</summary>
    /// <param name="Ratio">Above 0, below 1.</param>
    public sealed record KeepRatio(double Ratio) : RankRule
    {
        /// <inheritdoc/>
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"KeepRatio {Ratio}");
    }

    /// <summary>Each pair keeps at least this share of its layer's energy, the sum of squared singular values.</summary>
    /// <param name="Share">Above 0, at most 1.</param>
    public sealed record Energy(double Share) : RankRule
    {
        /// <inheritdoc/>
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"Energy {Share}");
    }

    /// <summary>Refuses numbers that mean nothing.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    internal void Validate()
    {
        string? problem = this switch
        {
            Fixed { Value: < 1 } => "A rank is at least 1.",
            KeepRatio { Ratio: not (> 0 and < 1) } => "A kept ratio lies between 0 and 1.",
            Energy { Share: not (> 0 and <= 1) } => "A share of the energy is above 0 and at most 1.",
            _ => null,
        };
        if (problem is not null)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{this}: {problem}");
    }
}
