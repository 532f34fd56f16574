namespace LowRankTools.Numerics.Memory;

/// <summary>
/// Native memory that matrices and packing buffers of this process hold: all but a few hundred kilobytes of what a
/// computation needs. Memory that is kept for the next one who asks does not count.
/// </summary>
public static class NativeMemoryUse
{
    private static long s_bytes, s_peak;

    /// <summary>Bytes held now.</summary>
    public static long Bytes => Interlocked.Read(ref s_bytes);

    /// <summary>Most bytes held since <see cref="ResetPeak"/>.</summary>
    public static long Peak => Interlocked.Read(ref s_peak);

    /// <summary>Begins anew with what is held now.</summary>
    public static void ResetPeak() => Interlocked.Exchange(ref s_peak, Bytes);

    internal static void Add(nuint bytes)
    {
        long now = Interlocked.Add(ref s_bytes, (long)bytes), peak = Peak;
        while (now > peak)
        {
            long seen = Interlocked.CompareExchange(ref s_peak, now, peak);
            if (seen == peak)
                return;
            peak = seen;
        }
    }

    internal static void Remove(nuint bytes) => Interlocked.Add(ref s_bytes, -(long)bytes);
}
