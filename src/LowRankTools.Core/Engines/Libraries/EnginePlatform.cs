using System.Runtime.InteropServices;

namespace LowRankTools.Core.Engines.Libraries;

/// <summary>System and processor of this process as packages of native libraries name them.</summary>
internal static class EnginePlatform
{
    /// <summary>Such as <c>linux-x64</c>; a system or processor that packages have no name for is <c>other</c>.</summary>
    public static string Current { get; } = Of(RuntimeInformation.RuntimeIdentifier, RuntimeInformation.ProcessArchitecture);

    internal static string Of(string runtimeIdentifier, Architecture processor)
    {
        string architecture = processor switch
        {
            Architecture.X64 => "x64",
            Architecture.Arm64 => "arm64",
            _ => "other",
        };
        // Alpine and its like have another C library.
        string system = OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx"
            : OperatingSystem.IsLinux() && !runtimeIdentifier.Contains("musl", StringComparison.Ordinal) && !runtimeIdentifier.StartsWith("alpine", StringComparison.Ordinal) ? "linux"
            : "other";
        return $"{system}-{architecture}";
    }
}
