using System.Globalization;

namespace LowRankTools.Decompositions.TensorTrainMatrices;

/// <summary>Splits a size into factors as even as its primes allow, small ones at the ends, where a train's ranks are bounded by them.</summary>
public static class ModeSplit
{
    /// <summary>Most modes of a side: orders of multiplication are tried for every subset of them.</summary>
    public const int MostModes = 10;

    /// <summary>Reads modes such as <c>4x8x8x4</c>, two to <see cref="MostModes"/> of them; null for other texts.</summary>
    public static int[]? Parse(string text)
    {
        string[] parts = text.Split('x', MostModes + 1);
        int[] modes = new int[parts.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            if (!int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out modes[i]))
                return null;
        }
        return IsValid(modes) ? modes : null;
    }

    internal static bool IsValid(IReadOnlyList<int> modes) => modes.Count is >= 2 and <= MostModes && modes.All(m => m >= 1) && Product(modes) <= int.MaxValue;

    internal static long Product(IEnumerable<int> modes) => Product(modes.Select(m => (long)m));

    // No more than that of all modes of a tensor that can be computed with.
    internal static long Product(IEnumerable<long> sizes) => sizes.Aggregate(1L, (product, size) => product > int.MaxValue ? product : product * size);

    /// <summary>Digits that a side is counted by where nothing else is asked for.</summary>
    internal static int DigitsOf(int smaller) => smaller >= 256 ? 4 : smaller >= 64 ? 3 : 2;

    /// <summary>Factors whose product is the size.</summary>
    /// <param name="size">At least 1.</param>
    /// <param name="parts">How many factors, at least 1; those that no prime is left for are 1.</param>
    public static int[] Of(int size, int parts)
    {
        int[] factors = [.. Enumerable.Repeat(1, parts)];
        // The largest primes first, each to the smallest factor so far.
        foreach (int prime in Primes(size).OrderDescending())
            factors[Array.IndexOf(factors, factors.Min())] *= prime;
        Array.Sort(factors);
        int[] arranged = new int[parts];
        for (int i = 0; i < parts; i++)
            arranged[i % 2 == 0 ? i / 2 : parts - 1 - (i / 2)] = factors[i];
        return arranged;
    }

    private static IEnumerable<int> Primes(int number)
    {
        for (int prime = 2; (long)prime * prime <= number; prime++)
        {
            for (; number % prime == 0; number /= prime)
                yield return prime;
        }
        if (number > 1)
            yield return number;
    }
}
