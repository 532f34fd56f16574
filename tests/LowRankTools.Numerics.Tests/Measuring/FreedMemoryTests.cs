using System.Globalization;
using System.Runtime.InteropServices;
using LowRankTools.Numerics.Memory;
using LowRankTools.Tests;

namespace LowRankTools.Numerics.Tests.Measuring;

/// <summary>Memory that was freed comes back to the system, even behind a piece that is still held.</summary>
public sealed unsafe class FreedMemoryTests
{
    private const int Pieces = 8192;
    private const nuint PieceBytes = 64 << 10;

    [LinuxOnlyFact]
    public void What_was_freed_below_a_held_piece_is_handed_back()
    {
        nint[] pieces = new nint[Pieces];
        for (int i = 0; i < Pieces; i++)
        {
            pieces[i] = (nint)NativeMemory.Alloc(PieceBytes);
            NativeMemory.Fill((void*)pieces[i], PieceBytes, 1);
        }
        // The last one holds the end of the heap, below which the C library keeps everything.
        foreach (nint piece in pieces.SkipLast(1))
            NativeMemory.Free((void*)piece);
        long before = ResidentBytes();
        FreedMemory.GiveBack();
        long after = ResidentBytes();
        NativeMemory.Free((void*)pieces[^1]);
        // Other tests take and free memory meanwhile, which half of it leaves room for.
        Assert.True(before - after > Pieces * (long)PieceBytes / 2, $"{before:#,0} bytes before, {after:#,0} after");
    }

    private static long ResidentBytes() =>
        long.Parse(File.ReadLines("/proc/self/status").Single(l => l.StartsWith("RssAnon:", StringComparison.Ordinal)).Split(' ', '\t', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
}
