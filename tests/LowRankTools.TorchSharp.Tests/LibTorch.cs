using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Core.Engines.LibTorch;
using LowRankTools.Tests;

namespace LowRankTools.TorchSharp.Tests;

/// <summary>Tests that count live tensors, which are one number for the process, and so run one after the other.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class LibTorch
{
    /// <summary>Name of the collection.</summary>
    public const string Name = "libtorch";

    /// <summary>Device to test on: the processor, unless LOWRANK_TEST_DEVICE names another.</summary>
    public static string Device => Environment.GetEnvironmentVariable("LOWRANK_TEST_DEVICE") is { Length: > 0 } device ? device : "cpu";

    // TorchSharp then finds what is loaded already, by its name.
    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "It must be loaded before any test.")]
    internal static void Load()
    {
        string? chosen = Environment.GetEnvironmentVariable("LOWRANK_TEST_LIBTORCH");
        Environment.SetEnvironmentVariable(LibTorchCopy.Variable, string.IsNullOrEmpty(chosen) ? LibTorchCopy.Folder : chosen);
        // Nor what the user has installed and measured.
        Environment.SetEnvironmentVariable("LOWRANK_ENGINES", Path.Combine(AppContext.BaseDirectory, "no-engines"));
        EngineNatives natives = LibTorchSearch.Find(Path.Combine(AppContext.BaseDirectory, "torch"));
        Assert.True(natives.Problem is null, natives.Problem?.Reason);
        foreach (string file in natives.Files)
            NativeLibrary.Load(file);
    }
}
