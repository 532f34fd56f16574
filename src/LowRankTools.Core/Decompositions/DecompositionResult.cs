namespace LowRankTools.Core.Decompositions;

/// <summary>What became of one model whose tensors were decomposed, or would become of it.</summary>
public sealed record DecompositionResult
{
    /// <summary>Full path of the model written, or that would be: binds to the next cmdlet's -LiteralPath.</summary>
    public required string Path { get; init; }

    /// <summary>Full path of the model read.</summary>
    public required string Source { get; init; }

    /// <summary>Name of the model.</summary>
    public required string Name { get; init; }

    /// <summary>The method.</summary>
    public required string Method { get; init; }

    /// <summary>The method and what it was asked for.</summary>
    public required string Rule { get; init; }

    /// <summary>Whether the model was written.</summary>
    public required bool Written { get; init; }

    /// <summary>Parameters of the model read, shared storage once.</summary>
    public required long ParametersBefore { get; init; }

    /// <summary>Parameters of the model written.</summary>
    public required long Parameters { get; init; }

    /// <summary>Parameters written over parameters read.</summary>
    public double KeptRatio => ParametersBefore == 0 ? 1 : (double)Parameters / ParametersBefore;

    /// <summary>Bytes of all tensors read; headers not counted.</summary>
    public required long BytesBefore { get; init; }

    /// <summary>Bytes of all tensors written; headers not counted.</summary>
    public required long Bytes { get; init; }

    /// <summary>Tensors that became factors.</summary>
    public int DecomposedTensors => Tensors.Count(t => t.Ranks is not null);

    /// <summary>Over all decomposed tensors together: root of the summed squared differences over root of the summed squared norms; null where there is none.</summary>
    public double? RelativeError { get; init; }

    /// <summary>Every tensor of two modes or more.</summary>
    public required IReadOnlyList<TensorDecomposition> Tensors { get; init => field = new ShownList<TensorDecomposition>(value); }

    /// <summary>Full paths of files of an earlier output that were replaced or removed, or would be.</summary>
    public IReadOnlyList<string> Displaced { get; init => field = new ShownList<string>(value); } = new ShownList<string>([]);

    /// <summary>What was removed of a run that had been killed; empty where nothing was.</summary>
    public string Note { get; init; } = "";

    /// <summary>Seconds for the whole model, reading and writing included.</summary>
    public required double Seconds { get; init; }

    /// <summary>The path: what takes models takes this.</summary>
    public override string ToString() => Path;
}
