using System.Numerics;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Numerics.RandomNumbers;

/// <summary>
/// Random numbers by counting: number i of a seed is a fixed function of (seed, i), so that any thread can make
/// any part and the bits never depend on who did. The function is SplitMix64's finaliser over a Weyl sequence
/// (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
/// </summary>
/// <param name="seed">Chooses the sequence.</param>
public sealed class DeterministicRandom(ulong seed)
{
    private const ulong Weyl = 0x9E3779B97F4A7C15;
    private readonly ulong _key = Mix(seed + Weyl);
    private ulong _position;

    /// <summary>The 64 random bits at <paramref name="index"/>.</summary>
    public ulong BitsAt(ulong index) => Mix(_key + ((index + 1) * Weyl));

    /// <summary>The next uniform number in [0, 1).</summary>
    public double NextDouble() => ToUnit(BitsAt(_position++));

    /// <summary>The next integer in [0, <paramref name="exclusiveMaximum"/>).</summary>
    public int Next(int exclusiveMaximum)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(exclusiveMaximum);
        return (int)Math.BigMul(BitsAt(_position++), (ulong)exclusiveMaximum, out _);
    }

    /// <summary>Fills with standard normal numbers, two from each pair of uniform ones (Box and Muller, 1958).</summary>
    /// <param name="target">Receives the numbers.</param>
    /// <param name="first">Index of the first one in the sequence of this seed; must be even.</param>
    /// <exception cref="ArgumentException"><paramref name="first"/> is odd.</exception>
    public void FillGaussian<T>(Span<T> target, ulong first = 0)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if ((first & 1) != 0)
            throw new ArgumentException("Numbers come in pairs: start at an even index.", nameof(first));

        for (int i = 0; i < target.Length; i += 2)
        {
            ulong index = first + (ulong)i;
            double radius = Math.Sqrt(-2 * Math.Log(1 - ToUnit(BitsAt(index))));
            (double sine, double cosine) = Math.SinCos(2 * Math.PI * ToUnit(BitsAt(index + 1)));
            target[i] = T.CreateTruncating(radius * cosine);
            if (i + 1 < target.Length) target[i + 1] = T.CreateTruncating(radius * sine);
        }
    }

    /// <summary>Fills a whole matrix with standard normal numbers.</summary>
    public void FillGaussian<T>(Matrix<T> target)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        // Each row starts at its own even index, so that rows are independent of one another.
        ulong rowLength = (ulong)(target.Columns + 1) & ~1UL;
        for (int i = 0; i < target.Rows; i++) FillGaussian(target.Row(i), (ulong)i * rowLength);
    }

    /// <summary>Fills with +1 and -1, each as likely: as good as normal numbers for a random start, and far cheaper.</summary>
    public void FillSigns<T>(Span<T> target)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int i = 0; i < target.Length; i += 64)
        {
            ulong bits = BitsAt((ulong)i >> 6);
            int end = Math.Min(64, target.Length - i);
            for (int k = 0; k < end; k++) target[i + k] = ((bits >> k) & 1) == 0 ? T.One : T.NegativeOne;
        }
    }

    private static double ToUnit(ulong bits) => (bits >> 11) * (1.0 / (1UL << 53));

    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
