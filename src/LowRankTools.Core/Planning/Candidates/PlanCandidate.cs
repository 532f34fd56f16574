using LowRankTools.Core.Layers;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Spectra;
using LowRankTools.Core.Storage;
using LowRankTools.Formats.Quantization;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Core.Planning.Candidates;

/// <summary>A weight that a plan decides on.</summary>
internal sealed class PlanCandidate
{
    /// <summary>Name of the tensor.</summary>
    public required string Name { get; init; }

    /// <summary>Shape as stored.</summary>
    public required Dimensions Shape { get; init; }

    /// <summary>Element type as stored.</summary>
    public required string DType { get; init; }

    /// <summary>Bytes as stored; zero where another layer's storage is shared.</summary>
    public required long Bytes { get; init; }

    /// <summary>What each rank costs.</summary>
    public required LayerCost Cost { get; init; }

    /// <summary>Why it is not chosen; None where it is.</summary>
    public required KeepReason Reason { get; init; }

    /// <summary>The layer in its model; null for a bare shape.</summary>
    public ModelLayer? Layer { get; init; }

    /// <summary>The earlier layer whose decision it shares; null where it has its own.</summary>
    public PlanCandidate? Leader { get; init; }

    /// <summary>What was decided by hand; null where the rule decides.</summary>
    public LayerOverride? Override { get; init; }

    /// <summary>Singular values that say what a rank loses; null where they are not needed.</summary>
    public double[]? Values { get; set; }

    /// <summary>What keeping k directions changes the loss by to first order: the sum of what each of the others does, one entry for each k from 0 on; null where ranks are weighed by <see cref="Values"/>.</summary>
    public double[]? FirstOrder { get; set; }

    /// <summary>What a kernel, or a matrix that may become more than a pair, may become, by method and ranks; null for others, and until they are known.</summary>
    public IReadOnlyList<LayerOption>? Options { get; set; }

    /// <summary>||W||^2 of a weight whose options were computed; null for others.</summary>
    public double? Energy { get; set; }

    /// <summary>The one of <see cref="Options"/> that was taken.</summary>
    public LayerOption? Taken { get; set; }

    /// <summary>Factor of the lost energy.</summary>
    public double Weight { get; set; } = 1;

    /// <summary>Whether a rank is to be found for it.</summary>
    public bool IsOpen => Reason == KeepReason.None && Leader is null;

    /// <summary>Its energy in what is minimised.</summary>
    public double WeightedEnergy => Weight * (Energy ?? (Cost.Kernel is null ? SpectrumMeasures.SquaredNorm(Values) : 0));

    /// <summary>What a rank, or null for dense, loses of that.</summary>
    public double Loss(int? rank) => rank is { } r ? Weight * SpectrumMeasures.Tail(Values, r) : 0;

    /// <summary>The same where the pair, or the dense matrix, is quantised.</summary>
    public double Loss(int? rank, WeightQuantization? kind) => Loss(rank) + (kind is { } k ? Weight * Noise(rank, k) : 0);

    private double Noise(int? rank, WeightQuantization kind) => Values is null ? 0 : rank is { } r ? QuantizationNoise.OfPair(kind, Values, r, Cost.Kind == LayerKind.Embedding ? r : Cost.Size.Columns)
        : Cost.StoredRows == 0 ? 0 : SpectrumMeasures.SquaredNorm(Values) * QuantizationNoise.Share(kind, Cost.DenseParameters / Cost.StoredRows);

    /// <summary>The rank behind a rank of its <see cref="RankChoices"/>: itself, or where it has options the largest one of the option of that number, which is taken then.</summary>
    public int? Take(int? rank)
    {
        if (Options is null)
            return rank;
        Taken = rank is { } number ? Options[number - 1] : null;
        return Taken?.Choice.Largest;
    }

    /// <summary>The rank of its <see cref="RankChoices"/> that was taken last: the number of the option where it has such.</summary>
    /// <param name="rank">The rank behind it.</param>
    public int? TakenNumber(int? rank) => Options is null || rank is null ? rank : Numbers.First(n => ReferenceEquals(Options[n - 1], Taken));

    /// <summary>Numbers of the options between which a price decides, the cheapest first.</summary>
    public int[] Ladder => [.. LowerHull.Of(Numbers.Select(n => (n, Options![n - 1].Parameters, Discarded(n)))).Select(p => p.Rank)];

    /// <summary>Energy that a rank, or the option of a number, discards.</summary>
    public double Discarded(int number) => Options is { } options ? options[number - 1].Error!.Value * options[number - 1].Error!.Value * Energy!.Value : SpectrumMeasures.Tail(Values, number);

    /// <summary>Parameters, or bytes, of a rank or of the option of a number; null for dense.</summary>
    public long CostOf(int? number, bool inBytes)
    {
        if (Options is null || number is not { } n)
            return inBytes ? Cost.Bytes(number) : Cost.Parameters(number);
        return inBytes ? Cost.PairType.ByteLength(Options[n - 1].Parameters) : Options[n - 1].Parameters;
    }

    private IEnumerable<int> Numbers => Enumerable.Range(1, Options!.Count);

    /// <summary>The decision.</summary>
    /// <param name="rank">Rank; null for dense.</param>
    /// <param name="reason">Why dense.</param>
    /// <param name="leader">The decision that it shares.</param>
    /// <param name="withErrors">Whether the values are real ones, from which errors can be told.</param>
    /// <param name="kind">How the pair, or the dense matrix, is quantised, in place of what the cost says.</param>
    /// <param name="group">The group whose basis it shares; null for none.</param>
    public LayerPlan Decide(int? rank, KeepReason reason, LayerPlan? leader, bool withErrors, WeightQuantization? kind = null, BasisGroup? group = null)
    {
        double[]? values = withErrors ? Values : null;
        LayerCost cost = group is not null ? group.CostOf(this) : kind is null || Cost.Kernel is not null ? Cost : rank is null ? Cost with { DenseQuantize = kind } : Cost with { Quantize = kind };
        FactorChoice? choice = rank is null ? null : (Leader ?? this).Taken?.Choice ?? FactorChoice.OfPair(rank);
        double? norm = values is not null ? Math.Sqrt(SpectrumMeasures.SquaredNorm(values)) : Energy is { } energy ? Math.Sqrt(energy) : null;
        return new LayerPlan(cost, choice, reason, values, plannedError: Taken?.Error, leader: leader)
        {
            Name = Name,
            Shape = Shape,
            DTypeBefore = DType,
            BytesBefore = Bytes,
            Norm = norm,
            Weight = norm is null ? null : Weight,
        };
    }
}
