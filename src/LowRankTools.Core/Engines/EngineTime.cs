using System.Text.Json.Serialization;
using LowRankTools.Core.Engines.Measuring;

namespace LowRankTools.Core.Engines;

/// <summary>How long one engine took for one piece of work, as <see cref="MeasureEngines"/> saw it.</summary>
public sealed record EngineTime
{
    /// <summary>Name of the engine.</summary>
    public required string Engine { get; init; }

    /// <summary>Device it computed on, such as <c>cpu</c> or <c>cuda:0</c>.</summary>
    public required string Device { get; init; }

    /// <summary>Version of the engine; times of another one say nothing.</summary>
    public required string Version { get; init; }

    /// <summary>Instruction set of the processor; empty where the engine does not tell.</summary>
    public required string InstructionSet { get; init; }

    /// <summary>Threads that computed.</summary>
    public required int ThreadCount { get; init; }

    /// <summary>What was computed.</summary>
    public required EngineWork Work { get; init; }

    /// <summary>Rows and columns of the matrix, or the width of the layers.</summary>
    public required int Size { get; init; }

    /// <summary>Components that were computed; null where the work has no rank.</summary>
    public int? Rank { get; init; }

    /// <summary>Seconds for it, transfer to the device and back included; where the engine computes several layers side by side, its share of their time.</summary>
    public required double Seconds { get; init; }

    /// <summary>Seconds until the engine could compute at all, once for a process: libraries loaded, the device woken.</summary>
    public required double StartSeconds { get; init; }
}

/// <summary>Times of engines as JSON, by code that the compiler wrote.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, UseStringEnumConverter = true)]
[JsonSerializable(typeof(EngineTime[]))]
internal sealed partial class EngineTimeJson : JsonSerializerContext;
