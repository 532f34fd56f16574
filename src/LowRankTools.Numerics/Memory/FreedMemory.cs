using System.Runtime.InteropServices;

namespace LowRankTools.Numerics.Memory;

/// <summary>
/// Native memory that was freed, by this library's matrices or by libtorch, and that the C library still keeps. glibc asks the system for single pieces
/// only above a size that rises up to 32 MiB with what is freed; what is smaller lies in heaps that shrink at their end alone, so that a session that
/// measures one model after the other grew by hundreds of megabytes each time.
/// </summary>
public static partial class FreedMemory
{
    private static bool s_absent = !OperatingSystem.IsLinux();

    /// <summary>Hands whole free pages back to the system; takes some ten milliseconds for gigabytes. Does nothing where the C library is not glibc.</summary>
    public static void GiveBack()
    {
        if (s_absent)
            return;
        try
        {
            _ = Trim(0);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            s_absent = true;
        }
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int Trim(nuint kept);
}
