using System.Globalization;
using System.Runtime.InteropServices;

namespace LowRankTools.Tests;

/// <summary>
/// Lets Ctrl+C reach the children of a test run that was itself started with it ignored, as a shell starts what runs in
/// the background: children inherit an ignored signal.
/// </summary>
internal static partial class ChildInterrupt
{
    private const int Interrupt = 2;
    private const nint Default = 0;

    /// <summary>Gives this process, and so its children from now on, the default in place of the ignored signal.</summary>
    public static void TakeEffect()
    {
        if (IsIgnored())
            _ = Signal(Interrupt, Default);
    }

    /// <summary>As the kernel tells it; only Linux does.</summary>
    private static bool IsIgnored()
    {
        const string Field = "SigIgn:";
        if (!OperatingSystem.IsLinux())
            return false;
        string line = File.ReadLines("/proc/self/status").First(l => l.StartsWith(Field, StringComparison.Ordinal));
        ulong mask = ulong.Parse(line[Field.Length..].Trim(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        return (mask >> (Interrupt - 1) & 1) == 1;
    }

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint Signal(int signal, nint handler);
}
