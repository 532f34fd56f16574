using System.Runtime.CompilerServices;

namespace LowRankTools.Formats.PyTorch.Pickle;

/// <summary>
/// Compares the keys of dicts: texts and numbers by value, everything else by identity. Hashes are seeded per
/// process, so that a file cannot choose keys that collide.
/// </summary>
internal static class PickleKeys
{
    public static readonly IEqualityComparer<object> Comparer = EqualityComparer<object>.Create(
        static (a, b) => ReferenceEquals(a, b) || (IsPlain(a) && a!.Equals(b)),
        static key => key switch
        {
            string text => text.GetHashCode(StringComparison.Ordinal),
            long number => HashCode.Combine((int)number, (int)(number >> 32)),
            double number => HashCode.Combine(BitConverter.DoubleToInt64Bits(number) >> 32, (int)BitConverter.DoubleToInt64Bits(number)),
            bool flag => flag ? 1 : 0,
            _ => RuntimeHelpers.GetHashCode(key),
        });

    private static bool IsPlain(object? key) => key is string or long or double or bool;
}
