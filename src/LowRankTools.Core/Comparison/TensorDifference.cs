using System.Globalization;
using LowRankTools.Core.Layers;

namespace LowRankTools.Core.Comparison;

/// <summary>How one tensor of two models differs.</summary>
public sealed record TensorDifference
{
    /// <summary>Full path of the model that is compared.</summary>
    public required string Path { get; init; }

    /// <summary>Name of the tensor; a low-rank pair is merged and stands under the name of the weight it replaced.</summary>
    public required string Name { get; init; }

    /// <summary>Shape in the reference, or in the other model where the reference lacks the tensor.</summary>
    public required Dimensions Shape { get; init; }

    /// <summary>Whether the tensor is the same, changed, or only on one side.</summary>
    public required DifferenceStatus Status { get; init; }

    /// <summary>Largest absolute difference of two elements; null where there are no two tensors of one shape.</summary>
    public double? MaxAbsoluteDifference { get; init; }

    /// <summary>||A - B|| / ||A|| in the Frobenius norm, A of the reference; infinite where A is zero and B is not.</summary>
    public double? RelativeError { get; init; }

    /// <summary>
    /// Entropy rank of A - B, exp(-sum p ln p) with p the singular values over their sum (Roy and Vetterli, 2007);
    /// null where it was not asked for or the tensor is no matrix.
    /// </summary>
    public double? EffectiveRank { get; init; }

    /// <summary>Singular values of A - B that stand above the rounding noise of the stored types; null as above.</summary>
    public int? DeltaRank { get; init; }

    /// <summary>Share of ||A - B||^2 in those singular values; null as above.</summary>
    public double? DeltaEnergy { get; init; }

    /// <summary>
    /// Rank of the adapter whose merging explains A - B: <see cref="DeltaRank"/> where that is at most the break-even rank and all the rest can be
    /// rounding of the stored types; null where the difference is no such thing, or as above.
    /// </summary>
    public int? AdapterRank { get; init; }

    /// <summary>What the difference looks like, in words; empty where its rank was not asked for.</summary>
    public string Finding => AdapterRank is { } rank ? string.Create(CultureInfo.InvariantCulture, $"merged adapter of rank {rank}, {DeltaEnergy:P1} of the change")
        : DeltaRank is 0 ? "rounding" : DeltaRank is null ? "" : "no adapter";

    /// <summary>Whether A - B is of low rank: its rank is at most the matrix's break-even rank; null as above.</summary>
    public bool? IsLowRank { get; init; }

    /// <summary>The name: what takes names of layers takes the layer.</summary>
    public override string ToString() => Name;
}
