using LowRankTools.Core.Layers;

namespace LowRankTools.Core.Adapters;

/// <summary>What became of one module of an adapter that was made or changed.</summary>
public sealed record AdapterModuleResult
{
    /// <summary>Name of the module.</summary>
    public required string Name { get; init; }

    /// <summary>Shape of what the module adds, outputs x inputs.</summary>
    public required Dimensions Shape { get; init; }

    /// <summary>Rank before; of several adapters the sum, of a difference its largest possible one.</summary>
    public required int RankBefore { get; init; }

    /// <summary>Rank of the pair written.</summary>
    public required int Rank { get; init; }

    /// <summary>||Delta||, Frobenius, before anything was left out.</summary>
    public required double Norm { get; init; }

    /// <summary>||Delta - B A|| / ||Delta||: what was left out, before rounding to the element type; zero for a zero delta.</summary>
    public required double RelativeError { get; init; }

    /// <summary>||Delta X|| on the calibration's inputs X, Frobenius; null without a calibration of this module.</summary>
    public double? CalibratedNorm { get; init; }

    /// <summary>||(Delta - B A) X|| / ||Delta X|| on the calibration's inputs X; null without a calibration of this module.</summary>
    public double? CalibratedError { get; init; }

    /// <summary>The same on inputs that were kept back; null where there are none.</summary>
    public double? HeldOutError { get; init; }

    /// <summary>The name: what takes names takes the module.</summary>
    public override string ToString() => Name;
}
