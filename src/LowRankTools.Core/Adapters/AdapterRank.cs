using LowRankTools.Numerics;

namespace LowRankTools.Core.Adapters;

/// <summary>How many components of an adapter's module are kept, by its singular values.</summary>
public abstract record AdapterRank
{
    private AdapterRank()
    {
    }

    /// <summary>The same rank everywhere, or all components of a module that has fewer.</summary>
    /// <param name="Value">At least 1.</param>
    public sealed record Fixed(int Value) : AdapterRank;

    /// <summary>The fewest components with this share of the sum of squared singular values.</summary>
    /// <param name="Share">Above 0, at most 1.</param>
    public sealed record Energy(double Share) : AdapterRank;

    /// <summary>The fewest components with this share of the sum of singular values.</summary>
    /// <param name="Share">Above 0, at most 1.</param>
    public sealed record Cumulative(double Share) : AdapterRank;

    /// <summary>Components whose singular value is at least the largest one divided by this.</summary>
    /// <param name="Value">At least 1.</param>
    public sealed record Ratio(double Value) : AdapterRank;

    /// <summary>Most components, whatever the rule says; null for no limit.</summary>
    public int? MaxRank { get; init; }

    /// <summary>The rule as it was asked for: Rank 4, Energy 0.95.</summary>
    public sealed override string ToString() => this switch
    {
        Fixed f => FormattableString.Invariant($"Rank {f.Value}"),
        Energy e => FormattableString.Invariant($"Energy {e.Share}"),
        Cumulative c => FormattableString.Invariant($"CumulativeRatio {c.Share}"),
        _ => FormattableString.Invariant($"SigmaRatio {((Ratio)this).Value}"),
    };

    /// <summary>Refuses numbers that are no rule.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    public void Validate()
    {
        bool valid = this switch
        {
            Fixed f => f.Value >= 1,
            Energy e => e.Share is > 0 and <= 1,
            Cumulative c => c.Share is > 0 and <= 1,
            _ => ((Ratio)this).Value is >= 1 and <= double.MaxValue,
        };
        if (!valid || MaxRank < 1)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{this}{(MaxRank < 1 ? $" with at most {MaxRank}" : "")} keeps nothing.", "Ranks are at least 1, shares above 0 and at most 1.");
    }

    /// <summary>Components to keep of a module, at least one.</summary>
    /// <param name="values">Its singular values, descending.</param>
    internal int Choose(double[] values)
    {
        int most = Math.Max(1, Math.Min(values.Length, MaxRank ?? int.MaxValue));
        return Math.Clamp(this switch
        {
            Fixed f => f.Value,
            Energy e => Reach(values, v => v * v, e.Share),
            Cumulative c => Reach(values, v => v, c.Share),
            _ => values.Count(v => v * ((Ratio)this).Value >= values[0] && v > 0),
        }, 1, most);
    }

    private static int Reach(double[] values, Func<double, double> measure, double share)
    {
        // What rounding left in place of zeros is no component, even where all are asked for.
        double[] parts = [.. values.Select(v => v > values[0] * 1e-7 ? measure(v) : 0)];
        double left = parts.Sum() * share;
        for (int k = 0; k < parts.Length; k++)
        {
            left -= parts[k];
            if (left <= 0 || k + 1 == parts.Length || parts[k + 1] == 0)
                return k + 1;
        }
        return parts.Length;
    }
}
