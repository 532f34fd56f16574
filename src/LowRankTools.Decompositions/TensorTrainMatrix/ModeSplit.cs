namespace LowRankTools.Decompositions;

/// <summary>Splits a size into factors as even as its primes allow, small ones at the ends, where a train's ranks are bounded by them.</summary>
internal static class ModeSplit
{
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
