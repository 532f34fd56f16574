namespace LowRankTools.Core.Adapters.Editing;

/// <summary>What became of a base model that an adapter was merged into.</summary>
public sealed record MergeAdapterResult
{
    /// <summary>Full path of the model written, or that would be: binds to the next cmdlet's -LiteralPath.</summary>
    public required string Path { get; init; }

    /// <summary>Full path of the base model.</summary>
    public required string Source { get; init; }

    /// <summary>Full path of the adapter.</summary>
    public required string Adapter { get; init; }

    /// <summary>Name of the merged model.</summary>
    public required string Name { get; init; }

    /// <summary>Whether the model was written.</summary>
    public required bool Written { get; init; }

    /// <summary>Weights that changed.</summary>
    public required int MergedLayers { get; init; }

    /// <summary>Parameters of the adapter's factors.</summary>
    public required long AdapterParameters { get; init; }

    /// <summary>Parameters of the model written.</summary>
    public required long Parameters { get; init; }

    /// <summary>Bytes of all tensors written; headers not counted.</summary>
    public required long Bytes { get; init; }

    /// <summary>||stored - W'|| / ||W'|| over all weights that changed: what their element type rounds off; null where nothing was written.</summary>
    public double? RoundingError { get; init; }

    /// <summary>Full paths of files of an earlier output that were replaced or removed, or would be.</summary>
    public IReadOnlyList<string> Displaced { get; init => field = new ShownList<string>(value); } = new ShownList<string>([]);

    /// <summary>What was removed of a run that had been killed; empty where nothing was.</summary>
    public string Note { get; init; } = "";

    /// <summary>Seconds for the whole model; null where nothing was written.</summary>
    public double? Seconds { get; init; }

    /// <summary>The path: what takes models takes this.</summary>
    public override string ToString() => Path;
}
