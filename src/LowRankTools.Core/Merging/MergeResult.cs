namespace LowRankTools.Core.Merging;

/// <summary>What became of one factorized model that was merged.</summary>
public sealed record MergeResult
{
    /// <summary>Full path of the dense model written, or that would be: binds to the next cmdlet's -LiteralPath.</summary>
    public required string Path { get; init; }

    /// <summary>Full path of the factorized model read.</summary>
    public required string Source { get; init; }

    /// <summary>Name of the model.</summary>
    public required string Name { get; init; }

    /// <summary>Whether the model was written.</summary>
    public required bool Written { get; init; }

    /// <summary>Pairs and decompositions that became one tensor again.</summary>
    public required int MergedLayers { get; init; }

    /// <summary>Parameters of the factorized model, shared storage once.</summary>
    public required long ParametersBefore { get; init; }

    /// <summary>Parameters of the dense model.</summary>
    public required long Parameters { get; init; }

    /// <summary>Bytes of all tensors read; headers not counted.</summary>
    public required long BytesBefore { get; init; }

    /// <summary>Bytes of all tensors written; headers not counted.</summary>
    public required long Bytes { get; init; }

    /// <summary>Full paths of files of an earlier output that were replaced or removed, or would be.</summary>
    public IReadOnlyList<string> Displaced { get; init => field = new ShownList<string>(value); } = new ShownList<string>([]);

    /// <summary>What was removed of a run that had been killed; empty where nothing was.</summary>
    public string Note { get; init; } = "";

    /// <summary>Seconds for the whole model; null where nothing was written.</summary>
    public double? Seconds { get; init; }

    /// <summary>The path: what takes models takes this.</summary>
    public override string ToString() => Path;
}
