using LowRankTools.Core.Adapters.Keys;

namespace LowRankTools.Core.Adapters.Editing;

/// <summary>What became of an adapter that was made or changed.</summary>
public sealed record AdapterResult
{
    /// <summary>Full path of the weights written, or that would be: binds to the next cmdlet's -LiteralPath.</summary>
    public required string Path { get; init; }

    /// <summary>Full paths of what it was made from: adapters, or the tuned model and its base.</summary>
    public required IReadOnlyList<string> Sources { get; init => field = new ShownList<string>(value); }

    /// <summary>Name of the adapter.</summary>
    public required string Name { get; init; }

    /// <summary>What was done: Rank 4, Energy 0.95, Cat.</summary>
    public required string Rule { get; init; }

    /// <summary>How the file names its tensors.</summary>
    public required AdapterLayout Layout { get; init; }

    /// <summary>Whether the adapter was written.</summary>
    public required bool Written { get; init; }

    /// <summary>Parameters of what it was made from.</summary>
    public required long ParametersBefore { get; init; }

    /// <summary>Parameters of the factors.</summary>
    public required long Parameters { get; init; }

    /// <summary>Bytes of tensor data.</summary>
    public required long Bytes { get; init; }

    /// <summary>What was left out of all modules together, as a share of their norm: sqrt(sum ||Delta - B A||^2 / sum ||Delta||^2).</summary>
    public required double RelativeError { get; init; }

    /// <summary>The same at the outputs of the calibrated modules, sqrt(sum ||(Delta - B A) X||^2 / sum ||Delta X||^2); null without a calibration.</summary>
    public double? CalibratedError { get; init; }

    /// <summary>Modules that the calibration has nothing on: only their difference was looked at.</summary>
    public IReadOnlyList<string> Uncalibrated { get; init => field = new ShownList<string>(value); } = new ShownList<string>([]);

    /// <summary>Every module.</summary>
    public required IReadOnlyList<AdapterModuleResult> Modules { get; init => field = new ShownList<AdapterModuleResult>(value); }

    /// <summary>Tensors that differ from the base model and that no pair stands for: norms, biases, what was not chosen.</summary>
    public IReadOnlyList<string> NotCarried { get; init => field = new ShownList<string>(value); } = new ShownList<string>([]);

    /// <summary>Full paths of files of an earlier output that were replaced or removed, or would be.</summary>
    public IReadOnlyList<string> Displaced { get; init => field = new ShownList<string>(value); } = new ShownList<string>([]);

    /// <summary>What was removed of a run that had been killed; empty where nothing was.</summary>
    public string Note { get; init; } = "";

    /// <summary>Seconds for the whole adapter; null where nothing was written.</summary>
    public double? Seconds { get; init; }

    /// <summary>The path: what takes models takes this.</summary>
    public override string ToString() => Path;
}
