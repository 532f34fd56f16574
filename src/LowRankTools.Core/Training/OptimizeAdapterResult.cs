using LowRankTools.Core.Adapters.Keys;

namespace LowRankTools.Core.Training;

/// <summary>An adapter that was trained beside a model's frozen weights.</summary>
public sealed record OptimizeAdapterResult : TrainingResult
{
    /// <summary>Full path of the adapter that was trained on; null where a new one was.</summary>
    public required string? Adapter { get; init; }

    /// <summary>Full path of the model whose answers were learned; null where the text or labels were.</summary>
    public required string? Reference { get; init; }

    /// <summary>How the file names its tensors.</summary>
    public required AdapterLayout Layout { get; init; }

    /// <summary>Modules of the adapter.</summary>
    public required int Modules { get; init; }

    /// <summary>Largest rank of a module.</summary>
    public required int Rank { get; init; }

    /// <summary>Trained parameters as a share of all, the base model's and the adapter's.</summary>
    public double TrainedShare => (double)TrainedParameters / Parameters;

    /// <summary>The path: what takes adapters takes this.</summary>
    public override string ToString() => Path;
}
