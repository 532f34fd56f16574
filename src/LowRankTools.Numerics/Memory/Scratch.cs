namespace LowRankTools.Numerics.Memory;

/// <summary>A piece of 64-byte aligned native memory for packed operands, from the pool and back to it.</summary>
internal sealed unsafe class Scratch : IDisposable
{
    private readonly nuint _bytes;
    private nint _pointer;

    private Scratch(nint pointer, nuint bytes) => (_pointer, _bytes) = (pointer, bytes);

    ~Scratch() => Free();

    /// <summary>Memory for at least <paramref name="count"/> elements, with whatever it holds.</summary>
    public static Scratch Rent<T>(long count)
        where T : unmanaged
    {
        (nint pointer, nuint bytes) = NativePool.Rent(checked((nuint)count * (nuint)sizeof(T)));
        return new Scratch(pointer, bytes);
    }

    /// <summary>Start of the memory.</summary>
    public T* As<T>()
        where T : unmanaged => (T*)_pointer;

    /// <summary>Puts the memory back for the next one.</summary>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        nint pointer = Interlocked.Exchange(ref _pointer, 0);
        if (pointer != 0) NativePool.Return(pointer, _bytes);
    }
}
