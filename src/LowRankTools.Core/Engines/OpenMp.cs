using System.Runtime.InteropServices;

namespace LowRankTools.Core.Engines;

/// <summary>Settings of OpenMP, which it reads when it is loaded.</summary>
internal static partial class OpenMp
{
    private const string WaitPolicy = "OMP_WAIT_POLICY";

    /// <summary>
    /// Lets OpenMP's threads sleep where they wait: by default they spin, and on a machine that has other work they take the processor
    /// from those that they wait for. What the environment says already stays.
    /// </summary>
    // The runtime keeps an environment of its own, which native code does not see.
    public static void WaitPassively()
    {
        if (OperatingSystem.IsLinux())
            _ = SetVariable(WaitPolicy, Environment.GetEnvironmentVariable(WaitPolicy) ?? "passive", overwrite: 1);
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int overwrite);
}
