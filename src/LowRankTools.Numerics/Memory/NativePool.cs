using System.Runtime.InteropServices;

namespace LowRankTools.Numerics.Memory;

/// <summary>
/// Native memory, 64-byte aligned, some of which is kept for the next one who asks: a system call and the first touch
/// of fresh pages cost more than a small product.
/// </summary>
internal static unsafe class NativePool
{
    private const nuint Alignment = 64;
    private const nuint Granule = 1 << 16;

    // Larger pieces go back to the system at once, and so does what would make the shelf heavier than this.
    private const nuint LargestKept = 1 << 24;
    private const nuint MostKept = 3 << 24;
    private const int ShelfLength = 48;

    private static readonly Lock s_gate = new();
    private static readonly List<(nint Pointer, nuint Bytes)> s_shelf = [];
    private static nuint s_kept;

    /// <summary>At least <paramref name="bytes"/> bytes with whatever they hold, and how many they are.</summary>
    public static (nint Pointer, nuint Bytes) Rent(nuint bytes)
    {
        bytes = checked(Math.Max(bytes, 1) + Granule - 1) / Granule * Granule;
        if (bytes <= LargestKept)
        {
            lock (s_gate)
            {
                // The tightest fit that is not wastefully large.
                int best = -1;
                for (int i = 0; i < s_shelf.Count; i++)
                {
                    nuint size = s_shelf[i].Bytes;
                    if (size >= bytes && size <= 2 * bytes && (best < 0 || size < s_shelf[best].Bytes)) best = i;
                }

                if (best >= 0)
                {
                    (nint Pointer, nuint Bytes) found = s_shelf[best];
                    s_shelf.RemoveAt(best);
                    s_kept -= found.Bytes;
                    NativeMemoryUse.Add(found.Bytes);
                    return found;
                }
            }
        }

        nint fresh = bytes <= LargestKept ? (nint)NativeMemory.AlignedAlloc(bytes, Alignment) : Large(bytes);
        NativeMemoryUse.Add(bytes);
        HugePages.Advise(fresh, bytes);
        return (fresh, bytes);
    }

    /// <summary>The same with zeros; large pieces take memory only where they are written.</summary>
    public static (nint Pointer, nuint Bytes) RentZeroed(nuint bytes)
    {
        (nint pointer, nuint rented) = Rent(bytes);
        if (rented <= LargestKept) NativeMemory.Clear((void*)pointer, bytes);
        return (pointer, rented);
    }

    // Fresh pages of the system are zero. The address to free lies in front of the aligned one.
    private static nint Large(nuint bytes)
    {
        nint start = (nint)NativeMemory.AllocZeroed(checked(bytes + (2 * Alignment)));
        nint aligned = (start + (nint)(2 * Alignment) - 1) & ~((nint)Alignment - 1);
        ((nint*)aligned)[-1] = start;
        return aligned;
    }

    /// <summary>Takes back what <see cref="Rent"/> gave.</summary>
    public static void Return(nint pointer, nuint bytes)
    {
        NativeMemoryUse.Remove(bytes);
        if (bytes > LargestKept)
        {
            NativeMemory.Free((void*)((nint*)pointer)[-1]);
            return;
        }

        lock (s_gate)
        {
            s_shelf.Add((pointer, bytes));
            s_kept += bytes;
            while (s_shelf.Count > ShelfLength || s_kept > MostKept)
            {
                // The oldest has been of no use for longest.
                NativeMemory.AlignedFree((void*)s_shelf[0].Pointer);
                s_kept -= s_shelf[0].Bytes;
                s_shelf.RemoveAt(0);
            }
        }
    }
}
