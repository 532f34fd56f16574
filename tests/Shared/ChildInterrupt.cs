using System.Globalization;
using System.Runtime.InteropServices;

namespace LowRankTools.Tests;

/// <summary>
/// Lets Ctrl+C and the end of a terminal reach the children of a test run that was itself started with them ignored, as a
/// shell or nohup starts what runs in the background: children inherit an ignored signal.
/// </summary>
internal static partial class ChildInterrupt
{
    private const int HangUp = 1, Interrupt = 2;
    private const nint Default = 0;

    /// <summary>Gives this process, and so its children from now on, the default in place of the ignored signals.</summary>
    public static void TakeEffect()
    {
        foreach (int signal in (int[])[HangUp, Interrupt])
        {
            if (IsIgnored(signal))
                _ = Signal(signal, Default);
        }
    }

    /// <summary>As the kernel tells it; only Linux does.</summary>
    private static bool IsIgnored(int signal)
    {
        const string Field = "SigIgn:";
        if (!OperatingSystem.IsLinux())
            return false;
        string line = File.ReadLines("/proc/self/status").First(l => l.StartsWith(Field, StringComparison.Ordinal));
        ulong mask = ulong.Parse(line[Field.Length..].Trim(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        return (mask >> (signal - 1) & 1) == 1;
    }

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint Signal(int signal, nint handler);
}
