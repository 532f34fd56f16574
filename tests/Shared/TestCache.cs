using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace LowRankTools.Tests;

/// <summary>Gives a test run, and the processes that it starts, a cache folder of its own in place of the user's, and no engine that the user installed.</summary>
internal static class TestCache
{
    private const string Variable = "LOWRANK_CACHE";

    // A test of load contexts loads this assembly a second time, and that copy must not choose another folder.
    private static readonly string s_prefix = $"lowrank-cache-{Environment.ProcessId}-";

    public static string Folder { get; } = Environment.GetEnvironmentVariable(Variable) is { } chosen && Path.GetFileName(chosen).StartsWith(s_prefix, StringComparison.Ordinal)
        ? chosen
        : Directory.CreateTempSubdirectory(s_prefix).FullName;

    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "It must be set before any test.")]
    internal static void Use()
    {
        Environment.SetEnvironmentVariable(Variable, Folder);
        Environment.SetEnvironmentVariable("LOWRANK_ENGINES", Path.Combine(Folder, "engines"));
        Environment.SetEnvironmentVariable("LIBTORCH", null);
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            if (Directory.Exists(Folder))
                Directory.Delete(Folder, recursive: true);
        };
    }
}
