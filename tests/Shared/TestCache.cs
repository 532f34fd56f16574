using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace LowRankTools.Tests;

/// <summary>Gives a test run, and the processes that it starts, a cache folder of its own in place of the user's.</summary>
internal static class TestCache
{
    public static string Folder { get; } = Directory.CreateTempSubdirectory("lowrank-cache-").FullName;

    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "It must be set before any test.")]
    internal static void Use()
    {
        Environment.SetEnvironmentVariable("LOWRANK_CACHE", Folder);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(Folder, recursive: true);
    }
}
