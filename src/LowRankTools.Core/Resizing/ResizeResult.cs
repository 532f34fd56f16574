namespace LowRankTools.Core.Resizing;

/// <summary>What became of one model whose feed-forward parts or heads were made smaller.</summary>
public sealed record ResizeResult
{
    /// <summary>Full path of the model written, or that would be: binds to the next cmdlet's -LiteralPath.</summary>
    public required string Path { get; init; }

    /// <summary>Full path of the model read.</summary>
    public required string Source { get; init; }

    /// <summary>Name of the model.</summary>
    public required string Name { get; init; }

    /// <summary>Whether the model was written.</summary>
    public required bool Written { get; init; }

    /// <summary>Hidden units of a feed-forward part before; null where these parts were left alone.</summary>
    public required int? HiddenBefore { get; init; }

    /// <summary>Hidden units of each now; null where these parts were left alone.</summary>
    public required int? Hidden { get; init; }

    /// <summary>Features of a head of queries and keys before; null where attention was left alone.</summary>
    public int? HeadSizeBefore { get; init; }

    /// <summary>Features of each of them now; null where attention was left alone.</summary>
    public int? HeadSize { get; init; }

    /// <summary>Features of a head of values before; null where attention was left alone.</summary>
    public int? ValueSizeBefore { get; init; }

    /// <summary>Features of each of them now; null where attention was left alone.</summary>
    public int? ValueSize { get; init; }

    /// <summary>How the units, and the heads' features, were chosen.</summary>
    public required string Selection { get; init; }

    /// <summary>Parameters before, shared storage once.</summary>
    public required long ParametersBefore { get; init; }

    /// <summary>Parameters of the model written.</summary>
    public required long Parameters { get; init; }

    /// <summary>Bytes of all tensors read; headers not counted.</summary>
    public required long BytesBefore { get; init; }

    /// <summary>Bytes of all tensors written; headers not counted.</summary>
    public required long Bytes { get; init; }

    /// <summary>Feed-forward parts that get smaller.</summary>
    public required int ResizedParts { get; init; }

    /// <summary>Blocks whose attention gets smaller.</summary>
    public int ResizedAttention { get; init; }

    /// <summary>What each of them lost; empty where nothing was computed.</summary>
    public IReadOnlyList<ResizedPart> Parts { get; init => field = new ShownList<ResizedPart>(value); } = new ShownList<ResizedPart>([]);

    /// <summary>Largest error of one of them on the calibration's activations; null where nothing was computed.</summary>
    public double? WorstError => Parts.Count == 0 ? null : Parts.Max(p => p.CalibratedError);

    /// <summary>Full paths of files of an earlier output that were replaced or removed, or would be.</summary>
    public IReadOnlyList<string> Displaced { get; init => field = new ShownList<string>(value); } = new ShownList<string>([]);

    /// <summary>What was removed of a run that had been killed, and what no configuration says; empty where there is nothing to say.</summary>
    public string Note { get; init; } = "";

    /// <summary>Seconds for the whole model; null where nothing was written.</summary>
    public double? Seconds { get; init; }

    /// <summary>The path: what takes models takes this.</summary>
    public override string ToString() => Path;
}
