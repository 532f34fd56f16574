namespace LowRankTools.Fuzzing.Mutations;

/// <summary>Damages a safetensors file: its length, its JSON with the length put right again, its data.</summary>
internal static class SafetensorsMutation
{
    private const int Prefix = 8;

    public static byte[]? Apply(Random random, byte[] bytes, byte[] other, out string step)
    {
        step = "";
        if (Parts(bytes) is not (byte[] header, byte[] data))
            return null;
        if (random.Next(8) == 0)
        {
            ulong length = random.Boundary((ulong)header.Length, bytes.Length);
            step = $"header length made {length}";
            return [.. BitConverter.GetBytes(length), .. bytes[Prefix..]];
        }
        if (random.Next(8) == 0)
        {
            int size = random.Next(2) == 0 ? random.Next(data.Length + 1) : data.Length + random.Next(64);
            step = $"data made {size} bytes long";
            Array.Resize(ref data, size);
            return Join(header, data);
        }
        byte[]? changed = JsonMutation.Apply(random, header, Parts(other)?.Header ?? header, out step);
        return changed is null ? null : Join(changed, data);
    }

    private static byte[] Join(byte[] header, byte[] data) => [.. BitConverter.GetBytes((long)header.Length), .. header, .. data];

    private static (byte[] Header, byte[] Data)? Parts(byte[] bytes)
    {
        ulong length = bytes.Length < Prefix ? ulong.MaxValue : BitConverter.ToUInt64(bytes);
        return length > (ulong)(bytes.Length - Prefix) || bytes.Length < Prefix ? null : (bytes[Prefix..(Prefix + (int)length)], bytes[(Prefix + (int)length)..]);
    }
}
