using LowRankTools.Numerics;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions;

/// <summary>What a decomposition is asked for. Ranks, a tolerance, or both: then the ranks are the most allowed.</summary>
public sealed record DecompositionOptions
{
    /// <summary>One rank for all places, or one for each; what a place is, the method says. Null where the tolerance alone decides.</summary>
    public IReadOnlyList<int>? Ranks { get; init; }

    /// <summary>Largest ||X - X'|| / ||X|| allowed, 0 or more and below 1; null where the ranks alone decide. Promised down to 1e-12.</summary>
    public double? Tolerance { get; init; }

    /// <summary>Modes that Tucker reduces; null for all. Other methods take none.</summary>
    public IReadOnlyList<int>? Modes { get; init; }

    /// <summary>Most sweeps of an iterative method; null for the method's own number. 0 leaves the direct start as it is.</summary>
    public int? MaxIterations { get; init; }

    /// <summary>An iterative method rests when a sweep changes the relative error by less than this; null for the method's own number.</summary>
    public double? Rest { get; init; }

    /// <summary>Starts of an iterative method, of which the best result is kept; the first is from singular vectors where the method has such a one, the others are random.</summary>
    public int Starts { get; init; } = 1;

    /// <summary>Penalties of factors by their names, for a fit by expression; null for none.</summary>
    public IReadOnlyDictionary<string, FactorPenalty>? Penalties { get; init; }

    /// <summary>Whether entries that are NaN are missing, and not wrong: CP and NonNegativeCp fit the others alone, and errors are over these.</summary>
    public bool MissingAsNaN { get; init; }

    /// <summary>Threads and the seed of everything random.</summary>
    public ComputeOptions Compute { get; init; } = ComputeOptions.Default;

    /// <summary>Refuses what no method could do.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    public void Validate()
    {
        if (Ranks is null && Tolerance is null)
            throw Invalid("A decomposition needs ranks or a tolerance.", "Give ranks, a tolerance, or both.");
        if (Ranks is not null && (Ranks.Count == 0 || Ranks.Any(r => r < 1)))
            throw Invalid("Ranks are whole numbers, at least 1.");
        if (Tolerance is { } tolerance && !(tolerance >= 0 && tolerance < 1))
            throw Invalid("A tolerance is 0 or more and below 1.");
        if (MaxIterations is < 0 || Starts < 1 || Rest is { } rest && !(rest >= 0))
            throw Invalid("Sweeps are not negative, and there is at least one start.");
        if (Penalties?.Values.Any(p => !(p.L1 >= 0 && p.L2 >= 0 && double.IsFinite(p.L1 + p.L2))) == true)
            throw Invalid("Penalties are not negative.");
    }

    /// <summary>The most that the ranks at a number of places may be; none where the tolerance alone decides.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: neither one rank nor as many as there are places.</exception>
    internal int[] RanksFor(int places, string ofWhat)
    {
        if (Ranks is null)
            return [.. Enumerable.Repeat(int.MaxValue, places)];
        if (Ranks.Count == 1)
            return [.. Enumerable.Repeat(Ranks[0], places)];
        return Ranks.Count == places ? [.. Ranks] : throw Invalid($"{Ranks.Count} ranks were given for {places} {ofWhat}.", "Give one rank for all, or one for each.");
    }

    internal static LowRankToolsException Invalid(string message, string remedy = "") => new("OptionInvalid", message, remedy);
}
