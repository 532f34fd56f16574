using LowRankTools.Core.Engines;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Records;
using LowRankTools.Formats.Quantization;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Plans;

/// <summary>Everything that <see cref="MakePlan"/> can be told.</summary>
public sealed record PlanOptions
{
    /// <summary>How ranks are chosen.</summary>
    public required RankRule Rule { get; init; }

    /// <summary>Which layers are chosen; all linear ones by default.</summary>
    public LayerSelection Selection { get; init; } = new();

    /// <summary>What weights become; null for pairs of matrices, and convolutions as they are.</summary>
    public FactorMethod? Method { get; init; }

    /// <summary>How sizes of matrices are split into modes by methods that do: each list for the size that it multiplies to. The others are split evenly.</summary>
    public IReadOnlyList<IReadOnlyList<int>> Splits { get; init; } = [];

    /// <summary>
    /// Most layers that share the factor next to their inputs: layers of one kind in blocks that follow each other, their names equal but for one number and their
    /// shapes equal. They have one rank, and are decided on as one layer of their weights below each other. Zero for none, or at least 2.
    /// </summary>
    public int ShareBasis { get; init; }

    /// <summary>Patterns of layers that keep a factor of their own all the same.</summary>
    public IReadOnlyList<Predicate<string>> ShareBasisExclude { get; init; } = [];

    /// <summary>Ranks that are given by hand: they go before the rule, the minimum, the multiple and the selection.</summary>
    public IReadOnlyList<LayerOverride> Overrides { get; init; } = [];

    /// <summary>Smallest rank of a pair.</summary>
    public int MinRank { get; init; } = 1;

    /// <summary>Ranks are multiples of this.</summary>
    public int Multiple { get; init; } = 1;

    /// <summary>How the errors of layers are added up.</summary>
    public Weighting Weighting { get; init; }

    /// <summary>Inputs of the layers, by which <see cref="Weighting.Calibrated"/> counts errors, and of which <see cref="Weighting.FirstOrder"/> takes the weights' gradients; null for the weights alone.</summary>
    public CalibrationOptions? Calibration { get; init; }

    /// <summary>A text on which the model itself is run at the ranks that are considered; null for the sum of the layers' errors alone.</summary>
    public MeasuredPlanOptions? Measured { get; init; }

    /// <summary>Whether adapters are planned, of which only the trainable parameters count.</summary>
    public bool IsAdapter { get; init; }

    /// <summary>Element type of the factors; null for the source's own, or F16 for quantised sources.</summary>
    public TensorDType? DType { get; init; }

    /// <summary>
    /// Ways to store the factors, null for element type <see cref="DType"/>: one for all layers, or, for a byte budget, those that each layer
    /// chooses among together with its rank. Empty for the element type alone.
    /// </summary>
    public IReadOnlyList<WeightQuantization?> Quantize { get; init; } = [];

    /// <summary>Whether matrices that stay dense may be quantised in those ways too.</summary>
    public bool QuantizeDense { get; init; }

    /// <summary>Whether each layer chooses its way of storing.</summary>
    internal bool TradesBits => Rule is RankRule.ByteBudget && Quantize.Any(k => k is not null);

    /// <summary>Whether errors are predicted where the rule itself needs no values.</summary>
    public bool PredictErrors { get; init; } = true;

    /// <summary>Whether spectra are kept in the user's cache folder and taken from there.</summary>
    public bool UseCache { get; init; } = true;

    /// <summary>What computes spectra.</summary>
    public EngineChoice Engine { get; init; } = EngineChoice.Auto;

    /// <summary>Threads.</summary>
    public SvdOptions Svd { get; init; } = SvdOptions.Default;

    /// <summary>How what is planned will be stored.</summary>
    internal StoredAs Stored => new(DType, IsAdapter: IsAdapter) { Quantize = TradesBits || Quantize.Count == 0 ? null : Quantize[0], QuantizeDense = QuantizeDense && !TradesBits };

    /// <summary>Smallest rank that is a multiple and not below the minimum.</summary>
    internal int FirstRank => checked((int)((MinRank + (long)Multiple - 1) / Multiple * Multiple));

    /// <summary>Whether convolutions become chains: not without a method, nor by those of matrices.</summary>
    internal bool MakesChains => Method is not (null or FactorMethod.TensorTrain or FactorMethod.Pivoted);

    /// <summary>Refuses options that mean nothing or contradict each other.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, or <c>EngineUnavailable</c>.</exception>
    public void Validate()
    {
        Rule.Validate();
        string? problem =
            MinRank < 1 || Multiple < 1 ? "-MinRank and -Multiple are at least 1."
            : Rule is RankRule.Fixed(int rank) && rank % Multiple != 0 ? $"Rank {rank} is no multiple of {Multiple}."
            : Rule is RankRule.Fixed(int low) && low < MinRank ? $"Rank {low} is below -MinRank {MinRank}."
            : Overrides.Any(o => o.Rank < 1) ? "A rank in -LayerRank is at least 1."
            : IsAdapter && Rule is RankRule.TargetSpeedup ? $"{Rule}: adapters come on top of the weights, they make nothing faster."
            : Rule is RankRule.TargetSpeedup && Selection.IncludeEmbedding ? $"{Rule}: embeddings are looked up and not multiplied; leave them out."
            : IsAdapter && Rule.SpeaksOfValues ? $"{Rule}: what adapters will learn is not known, so there is no error of theirs to keep to."
            : Method is not null && IsAdapter ? "Adapters are planned for weights as they are: leave the method of convolutions out."
            : Method is not null && Rule is RankRule.TargetSpeedup ? $"{Rule}: chains of convolutions are not timed; choose a budget, or leave the method out."
            : Method is not (null or FactorMethod.Pivoted) && Calibration is not null ? "A calibration knows inputs of linear layers, none of convolutions: leave it or the method out."
            : Method is FactorMethod.TensorTrain or FactorMethod.Pivoted && Quantize.Any(k => k is not null) ? $"Quantised factors are those of pairs: leave them or the method {Method} out."
            : Splits.Count > 0 && Method is not (FactorMethod.TensorTrain or FactorMethod.Auto) ? "Only TensorTrain splits sizes into modes."
            : Selection.Transposed.Count > 0 && !MakesChains ? "Transposed convolutions become chains by a method of convolutions: choose one with -Method."
            : DType == LowRankTools.Formats.Tensors.TensorDType.Q8_0 ? "Columns of factors are no whole blocks of Q8_0: choose F32, F16 or BF16 with -DType."
            : null;
        problem ??= Quantize.Count > 1 && Rule is not RankRule.ByteBudget ? $"{Rule}: only a byte budget can choose among ways of storing."
            : Quantize.Any(k => k is not null) && IsAdapter ? "Adapters are planned in whole element types."
            : QuantizeDense && !Quantize.Any(k => k is not null) ? "There is no way to quantise what stays dense: choose one with -Quantize."
            : Rule is RankRule.Fixed(int fixedRank) && Quantize is [{ } only] && fixedRank % QuantizedLayout.RowMultiple(only) != 0 ? $"Rank {fixedRank} is no multiple of {QuantizedLayout.RowMultiple(only)}, the length of blocks of {only}."
            : null;
        problem ??= ShareBasis == 0 ? (ShareBasisExclude.Count > 0 ? "-ShareBasisExclude is about layers that share a basis: give -ShareBasis too." : null)
            : ShareBasis < 2 ? "A basis is shared by at least 2 layers."
            : IsAdapter || Method is not null || Quantize.Any(k => k is not null) ? "Layers that share a basis are pairs in whole element types: leave adapters, -Method and -Quantize out, or -ShareBasis."
            : Rule is RankRule.TargetSpeedup || Measured is not null || Weighting == Weighting.FirstOrder ? "Layers that share a basis are neither timed nor tried on a text nor weighed to first order: leave that out, or -ShareBasis."
            : Calibration?.Mode == CalibrationMode.Swept ? "The sweep refits the basis to one layer, and here there are several: choose another -CalibrationMode."
            : null;
        problem ??= Weighting is Weighting.Calibrated or Weighting.FirstOrder != Calibration is not null ? "-Weighting Calibrated or FirstOrder and a file in -Calibration need each other."
            : Weighting == Weighting.FirstOrder && (Rule.IsPerLayer || Rule.SpeaksOfValues || Measured is not null || TradesBits)
                ? "First-order changes of the loss share a budget out between layers: choose a reduction, parameters, bytes or a speed-up as the rule, and neither trials nor a choice of quantisations."
            : Weighting == Weighting.FirstOrder && Method is not null ? "First-order changes of the loss are those of pairs: leave them or the method out."
            : Calibration is not null && IsAdapter ? "A calibration says nothing of what adapters will learn."
            : Measured is not null && (IsAdapter || Rule is not (RankRule.TargetReduction or RankRule.ParameterBudget or RankRule.ByteBudget)) ? $"{Rule}: ranks are exchanged between layers by a measured quality where they share a budget: a reduction, parameters or bytes."
            : null;
        Calibration?.Validate();
        Measured?.Validate();
        if (problem is not null)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, problem);
        EngineSelector.Select(Engine);
    }
}
