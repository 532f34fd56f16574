namespace LowRankTools.Formats.Tests.Fuzz;

/// <summary>Damages a valid file in the ways that files are damaged and attacked. Seeded: the same run every time.</summary>
internal sealed class Mutator(int seed)
{
    private static readonly ulong[] s_evil =
    [
        0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF,
        0x1_0000_0000, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, 0xFFFF_FFFF_FFFF_FFFF, 0x4000_0000_0000_0001,
    ];

    private readonly Random _random = new(seed);

    /// <summary>Every truncation of the file, shortest first.</summary>
    public static IEnumerable<byte[]> Truncations(byte[] valid)
    {
        for (int length = 0; length < valid.Length; length++)
            yield return valid[..length];
    }

    /// <summary>One damaged copy.</summary>
    public byte[] Mutate(byte[] valid)
    {
        byte[] copy = [.. valid];
        int changes = 1 + _random.Next(4);
        for (int i = 0; i < changes && copy.Length > 0; i++)
            copy = Change(copy);
        return copy;
    }

    private byte[] Change(byte[] bytes)
    {
        int at = _random.Next(bytes.Length);
        switch (_random.Next(7))
        {
            case 0:
                bytes[at] ^= (byte)(1 << _random.Next(8));
                return bytes;
            case 1:
                bytes[at] = (byte)_random.Next(256);
                return bytes;
            case 2:
                Overwrite(bytes, at, s_evil[_random.Next(s_evil.Length)], 1 << _random.Next(4));
                return bytes;
            case 3:
                return bytes[..at];
            case 4:
                return [.. bytes[..at], .. bytes[Math.Min(bytes.Length, at + 1 + _random.Next(16))..]];
            case 5:
                byte[] extra = new byte[1 + _random.Next(16)];
                _random.NextBytes(extra);
                return [.. bytes[..at], .. extra, .. bytes[at..]];
            default:
                int from = _random.Next(bytes.Length);
                int length = Math.Min(1 + _random.Next(32), bytes.Length - Math.Max(at, from));
                bytes.AsSpan(from, length).CopyTo(bytes.AsSpan(at, length));
                return bytes;
        }
    }

    private static void Overwrite(byte[] bytes, int at, ulong value, int width)
    {
        for (int i = 0; i < width && at + i < bytes.Length; i++)
            bytes[at + i] = (byte)(value >> (8 * i));
    }
}
