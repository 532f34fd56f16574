using System.Runtime.InteropServices;

namespace LowRankTools.Numerics;

/// <summary>
/// A piece of 64-byte aligned native memory for packed operands. Buffers go back to the worker pool's shelf when
/// disposed, because asking the system for megabytes of fresh pages costs more than a small product.
/// </summary>
internal sealed unsafe class Scratch : IDisposable
{
    private const nuint Alignment = 64;
    private const nuint Granule = 1 << 16;
    private const nuint LargestKept = 1 << 24;
    private const int ShelfLength = 8;

    private static readonly Lock s_gate = new();
    private static readonly List<Scratch> s_shelf = [];

    private void* _pointer;
    private readonly nuint _bytes;

    private Scratch(nuint bytes)
    {
        _bytes = bytes;
        _pointer = NativeMemory.AlignedAlloc(bytes, Alignment);
    }

    ~Scratch() => Free();

    /// <summary>Memory for at least <paramref name="count"/> elements, with whatever it holds.</summary>
    public static Scratch Rent<T>(long count)
        where T : unmanaged
    {
        nuint bytes = checked((nuint)count * (nuint)sizeof(T));
        bytes = (Math.Max(bytes, 1) + Granule - 1) / Granule * Granule;
        lock (s_gate)
        {
            // The tightest fit that is not wastefully large.
            int best = -1;
            for (int i = 0; i < s_shelf.Count; i++)
            {
                nuint size = s_shelf[i]._bytes;
                if (size >= bytes && size <= 4 * bytes && (best < 0 || size < s_shelf[best]._bytes)) best = i;
            }

            if (best >= 0)
            {
                Scratch found = s_shelf[best];
                s_shelf.RemoveAt(best);
                return found;
            }
        }

        return new Scratch(bytes);
    }

    /// <summary>Start of the memory.</summary>
    public T* As<T>()
        where T : unmanaged => (T*)_pointer;

    /// <summary>Puts the memory back for the next one.</summary>
    public void Dispose()
    {
        if (_bytes <= LargestKept)
        {
            lock (s_gate)
            {
                if (s_shelf.Count == ShelfLength)
                {
                    s_shelf[0].Free();
                    s_shelf.RemoveAt(0);
                }

                s_shelf.Add(this);
                return;
            }
        }

        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        if (_pointer is null) return;
        NativeMemory.AlignedFree(_pointer);
        _pointer = null;
    }
}
