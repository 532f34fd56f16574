using System.Runtime.InteropServices;

namespace LowRankTools.Formats.Tests.Peers;

/// <summary>
/// ggml itself, from the npm package that ships it prebuilt for x64 Linux: the sizes and reference decoders of
/// every type. It is loaded into the test process and only given memory, never files.
/// </summary>
internal static class GgmlPeer
{
    private const string Library = "@node-llama-cpp/linux-x64/bins/linux-x64/libggml-base.so";

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate nint GetTraits(int type);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate void DecodeRow(nint blocks, nint values, long elements);

    /// <summary>Why the peer cannot be asked; null where it can.</summary>
    public static string? Missing =>
        OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64 ? RealModels.Missing(Library) : "needs ggml for x64 Linux";

    /// <summary>Elements and bytes of a block; zero for numbers that ggml has given up.</summary>
    public static (int Elements, int Bytes) Block(uint type)
    {
        Traits traits = Find(type);
        return ((int)traits.BlockElements, (int)traits.BlockBytes);
    }

    /// <summary>Decodes blocks of a type that ggml has a decoder for.</summary>
    public static float[] Decode(uint type, byte[] blocks)
    {
        Traits traits = Find(type);
        Assert.NotEqual(0, traits.ToFloat);
        float[] values = new float[blocks.Length / (int)traits.BlockBytes * (int)traits.BlockElements];
        GCHandle from = GCHandle.Alloc(blocks, GCHandleType.Pinned);
        GCHandle to = GCHandle.Alloc(values, GCHandleType.Pinned);
        try
        {
            Marshal.GetDelegateForFunctionPointer<DecodeRow>(traits.ToFloat)(from.AddrOfPinnedObject(), to.AddrOfPinnedObject(), values.Length);
        }
        finally
        {
            from.Free();
            to.Free();
        }
        return values;
    }

    private static Traits Find(uint type)
    {
        nint library = NativeLibrary.Load(RealModels.Path(Library));
        nint function = NativeLibrary.GetExport(library, "ggml_get_type_traits");
        return Marshal.PtrToStructure<Traits>(Marshal.GetDelegateForFunctionPointer<GetTraits>(function)((int)type));
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Traits
    {
        public readonly nint Name;
        public readonly long BlockElements;
        public readonly long Interleave;
        public readonly nint BlockBytes;
        public readonly byte Quantized;
        public readonly nint ToFloat;
        public readonly nint FromFloat;
    }
}

/// <summary>A theory that asks ggml; skipped, with the reason, where it is not installed.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class GgmlTheoryAttribute : TheoryAttribute
{
    public GgmlTheoryAttribute() => Skip = GgmlPeer.Missing;
}
