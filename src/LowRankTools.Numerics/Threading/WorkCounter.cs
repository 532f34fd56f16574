namespace LowRankTools.Numerics.Threading;

/// <summary>
/// Counts what an engine does where nearly all of the work is: in products and in attention. Normalisations, activations
/// and sums are left out; they are a few operations for each entry.
/// </summary>
public sealed class WorkCounter
{
    private long _flops, _bytes;

    /// <summary>Floating-point operations, a multiplication and an addition being two. Scores that a causal mask hides do not count.</summary>
    public long Flops => Interlocked.Read(ref _flops);

    /// <summary>Bytes of all operands and results, each once a call.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Adds one operation.</summary>
    /// <param name="flops">Floating-point operations.</param>
    /// <param name="bytes">Bytes of its operands and its result.</param>
    public void Add(long flops, long bytes)
    {
        Interlocked.Add(ref _flops, flops);
        Interlocked.Add(ref _bytes, bytes);
    }
}
