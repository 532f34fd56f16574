using System.Diagnostics.CodeAnalysis;

namespace LowRankTools.Fuzzing.Mutations;

/// <summary>Damages bytes.</summary>
/// <param name="random">All choices come from it.</param>
/// <param name="bytes">What is damaged; left as it is.</param>
/// <param name="other">A valid file, to take parts from.</param>
/// <param name="step">What was done.</param>
/// <returns>The damaged copy; null where the bytes have no structure of that kind.</returns>
internal delegate byte[]? Mutation(Random random, byte[] bytes, byte[] other, out string step);

/// <summary>Choices that all mutations make.</summary>
internal static class Choices
{
    private static readonly ulong[] s_boundaries =
    [
        0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 31, 32, 63, 64, 65, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF, 0x1_0000,
        0xF_FFFF, 0x10_0000, 0x10_0001, 99_999_999, 100_000_000, 100_000_001, 0x3FFF_FFFF, 0x4000_0000, 0x7FFF_FFFE, 0x7FFF_FFFF, 0x8000_0000,
        0xFFFF_FFFE, 0xFFFF_FFFF, 0x1_0000_0000, 0x1_0000_0001, 0x0FFF_FFFF_FFFF_FFFF, 0x1000_0000_0000_0000, 0x1000_0000_0000_0001,
        0x1FFF_FFFF_FFFF_FFFF, 0x2000_0000_0000_0000, 0x3FFF_FFFF_FFFF_FFFF, 0x4000_0000_0000_0000, 0x4000_0000_0000_0001,
        0x7FFF_FFFF_FFFF_FFF0, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, 0x8000_0000_0000_0001, 0xFFFF_FFFF_FFFF_FFF8, 0xFFFF_FFFF_FFFF_FFFF,
    ];

    /// <summary>Names that lead somewhere else, or are none.</summary>
    public static readonly string[] Names =
    [
        "..", "../secret", "a/../../secret", "/etc/passwd", "/dev/zero", "/proc/self/mem", ".", "", "/", "//", "~", "C:\\secret", "..\\secret",
        "\0", "a\0b", "s1", "./s1", "sub/../s1", "s1/", "S1", "model.json", "model.onnx", "model.safetensors", "%2e%2e/secret", "\u202E1s", "\uFEFFs1",
        "__metadata__", "weight", "bias", new('n', 300), new('/', 300), "\uD800",
    ];

    [SuppressMessage("Security", "CA5394", Justification = "Inputs must be the same every time.")]
    public static T Pick<T>(this Random random, IReadOnlyList<T> items) => items[random.Next(items.Count)];

    /// <summary>A number at which arithmetic turns over, or near to what the number was or to a length.</summary>
    public static ulong Boundary(this Random random, ulong was, int length) => random.Next(8) switch
    {
        0 => was + 1,
        1 => was - 1,
        2 => (ulong)(length + random.Next(-9, 10)),
        3 => was << random.Next(1, 63),
        4 => ulong.MaxValue - was,
        5 => (ulong)random.Next(70),
        _ => random.Pick(s_boundaries),
    };

    /// <summary>Puts a little-endian number over bytes.</summary>
    public static void Put(byte[] bytes, int at, int width, ulong value)
    {
        for (int i = 0; i < width && at + i < bytes.Length; i++)
            bytes[at + i] = (byte)(value >> (8 * i));
    }

    /// <summary>Reads a little-endian number.</summary>
    public static ulong Get(byte[] bytes, int at, int width)
    {
        ulong value = 0;
        for (int i = 0; i < width && at + i < bytes.Length; i++)
            value |= (ulong)bytes[at + i] << (8 * i);
        return value;
    }
}
