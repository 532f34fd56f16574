using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace LowRankTools.Numerics;

/// <summary>One engine as it would run here.</summary>
/// <param name="Name">Name to ask for, such as <c>Embedded</c>.</param>
/// <param name="Device">Device it computes on, such as <c>cpu</c>.</param>
/// <param name="InstructionSet">Widest instruction set in use: AVX-512, AVX2, AdvSimd, SSE, or Scalar.</param>
/// <param name="ThreadCount">Threads it uses by default.</param>
/// <param name="Available">Whether it can run.</param>
/// <param name="Reason">Why it cannot; empty when it can.</param>
public sealed record EngineInfo(string Name, string Device, string InstructionSet, int ThreadCount, bool Available, string Reason);

/// <summary>The engines that this library brings along.</summary>
public static class EngineCatalog
{
    /// <summary>The engine in pure C#, always there.</summary>
    public static EngineInfo Embedded => new("Embedded", "cpu", InstructionSet, WorkerPool.Resolve(0), Available: true, Reason: string.Empty);

    /// <summary>Widest instruction set that the kernels use on this machine.</summary>
    public static string InstructionSet =>
        Vector512.IsHardwareAccelerated ? "AVX-512"
        : Vector256.IsHardwareAccelerated ? "AVX2"
        : AdvSimd.IsSupported ? "AdvSimd"
        : Sse2.IsSupported ? "SSE"
        : Vector128.IsHardwareAccelerated ? RuntimeInformation.ProcessArchitecture.ToString()
        : "Scalar";
}
