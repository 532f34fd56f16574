using LowRankTools.Formats;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Core.Output;

/// <summary>A model that is about to be written.</summary>
/// <param name="Location">Where it goes.</param>
/// <param name="Format">Format that is written.</param>
/// <param name="Tensors">Everything that will be written, in order.</param>
/// <param name="Metadata">Free text at its greatest length.</param>
internal sealed record OutputRequest(OutputLocation Location, ModelFormat Format, IReadOnlyList<TensorSpec> Tensors, IReadOnlyDictionary<string, string> Metadata)
{
    /// <summary>Most bytes a shard; zero for one file.</summary>
    public long MaxShardBytes { get; init; }

    /// <summary>Whether a record goes beside the weights.</summary>
    public bool HasRecord { get; init; }

    /// <summary>Whether an old output gives way.</summary>
    public bool Force { get; init; }

    /// <summary>What changes in a graph; null for formats without one.</summary>
    public GraphEdit? Graph { get; init; }

    /// <summary>What a GGUF file says beside its tensors; null for other formats.</summary>
    public GgufContents? Gguf { get; init; }

    /// <summary>What the model is made from.</summary>
    public SourceFiles Source { get; init; } = SourceFiles.None;

    /// <summary>Where bytes go.</summary>
    public OutputDisk Disk { get; init; } = OutputDisk.Local;

    /// <summary>Names what will be written, and checks it.</summary>
    /// <exception cref="LowRankTools.Numerics.LowRankToolsException"><c>OutputIsSource</c>, <c>OutputExists</c>.</exception>
    public OutputTargets Targets() =>
        Graph is { } graph ? OutputTargets.PlanGraph(Location, graph, HasRecord, Source, Force)
        : OutputTargets.Plan(Location, Format is ModelFormat.PyTorch or ModelFormat.Gguf or ModelFormat.OnnxAdapter ? 1 : SafetensorsModelWriter.CountFiles(Tensors, MaxShardBytes), HasRecord, Source, Force);

    /// <summary>What would have to give way: told, not refused, where nothing is written.</summary>
    /// <exception cref="LowRankTools.Numerics.LowRankToolsException"><c>OutputIsSource</c>.</exception>
    public IReadOnlyList<string> Displaced() => (this with { Force = true }).Targets().Displaced(Source);
}
