namespace LowRankTools.Fuzzing.Mutations;

/// <summary>Damage that knows nothing of formats: bits, cuts, splices of two files.</summary>
internal static class ByteMutation
{
    public static byte[] Apply(Random random, byte[] bytes, byte[] other, out string step)
    {
        if (bytes.Length == 0)
        {
            step = "the other file";
            return [.. other];
        }
        int at = random.Next(bytes.Length);
        byte[] copy = [.. bytes];
        switch (random.Next(8))
        {
            case 0:
                step = $"bit flipped at {at}";
                copy[at] ^= (byte)(1 << random.Next(8));
                return copy;
            case 1:
                step = $"byte set at {at}";
                copy[at] = (byte)random.Next(256);
                return copy;
            case 2:
                int width = 1 << random.Next(4);
                step = $"{width}-byte number at {at}";
                Choices.Put(copy, at, width, random.Boundary(Choices.Get(copy, at, width), bytes.Length));
                return copy;
            case 3:
                step = $"cut at {at}";
                return bytes[..at];
            case 4:
                int gone = 1 + random.Next(16);
                step = $"{gone} bytes gone at {at}";
                return [.. bytes[..at], .. bytes[Math.Min(bytes.Length, at + gone)..]];
            case 5:
                byte[] extra = new byte[1 + random.Next(16)];
                random.NextBytes(extra);
                step = $"{extra.Length} bytes more at {at}";
                return [.. bytes[..at], .. extra, .. bytes[at..]];
            case 6:
                int from = random.Next(bytes.Length);
                int length = Math.Min(1 + random.Next(64), bytes.Length - Math.Max(at, from));
                step = $"{length} bytes copied from {from} to {at}";
                bytes.AsSpan(from, length).CopyTo(copy.AsSpan(at));
                return copy;
            default:
                int cut = random.Next(other.Length + 1);
                step = $"spliced at {at} with another file from {cut}";
                return [.. bytes[..at], .. other[cut..]];
        }
    }
}
