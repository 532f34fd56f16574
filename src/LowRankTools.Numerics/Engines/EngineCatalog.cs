using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Engines;

/// <summary>One engine as it would run here.</summary>
/// <param name="Name">Name to ask for, such as <c>Embedded</c>.</param>
/// <param name="Device">Device it computes on, such as <c>cpu</c>.</param>
/// <param name="InstructionSet">Widest instruction set in use: AVX-512, AVX2, AdvSimd, SSE, or Scalar.</param>
/// <param name="ThreadCount">Threads it uses by default.</param>
/// <param name="Available">Whether it can run.</param>
/// <param name="Reason">Why it cannot; empty when it can.</param>
public sealed record EngineInfo(string Name, string Device, string InstructionSet, int ThreadCount, bool Available, string Reason)
{
    /// <summary>Versions of the engine and of what it computes with; empty where it cannot run.</summary>
    public string Version { get; init; } = string.Empty;

    /// <summary>Memory of the device in bytes; null where it is not known.</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>Where the engine lies; empty where it cannot run.</summary>
    public string Path { get; init; } = string.Empty;

    /// <summary>What would make it run; empty where it can.</summary>
    public string Remedy { get; init; } = string.Empty;
}

/// <summary>The engines that this library brings along.</summary>
public static class EngineCatalog
{
    /// <summary>The engine in pure C#, always there.</summary>
    public static EngineInfo Embedded => new("Embedded", "cpu", InstructionSet, WorkerPool.Resolve(0), Available: true, Reason: string.Empty)
    {
        Version = typeof(EngineCatalog).Assembly.GetName().Version!.ToString(3),
        MemoryBytes = HostMemoryBytes,
        Path = Location,
    };

    /// <summary>Memory that this process may use, in bytes.</summary>
    public static long HostMemoryBytes => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    /// <summary>Widest instruction set that the kernels use on this machine.</summary>
    public static string InstructionSet =>
        Vector512.IsHardwareAccelerated ? "AVX-512"
        : Vector256.IsHardwareAccelerated ? "AVX2"
        : AdvSimd.IsSupported ? "AdvSimd"
        : Sse2.IsSupported ? "SSE"
        : Vector128.IsHardwareAccelerated ? RuntimeInformation.ProcessArchitecture.ToString()
        : "Scalar";

    // A program in one file has no assembly on disk, only itself.
    [UnconditionalSuppressMessage("SingleFile", "IL3000", Justification = "An empty answer is expected.")]
    private static string Location =>
        Path.GetDirectoryName(typeof(EngineCatalog).Assembly.Location) is { Length: > 0 } folder ? folder : Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory);
}
