using LowRankTools.Core.Layers;
using LowRankTools.Core.Spectra;
using LowRankTools.Core.Storage;
using LowRankTools.Decompositions;
using LowRankTools.Decompositions.Convolutions;
using LowRankTools.Decompositions.Layers;
using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Pivoted;
using LowRankTools.Formats.Quantization;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Plans;

/// <summary>What is to happen to one weight matrix, convolution or embedding. The rank may be changed; all figures follow it.</summary>
public sealed class LayerPlan
{
    private readonly LayerCost _cost;
    private readonly KeepReason _reason;
    private readonly double[]? _spectrum;
    private readonly double? _plannedError;
    private readonly LayerPlan? _leader;
    private FactorChoice? _choice;

    /// <summary>Makes a decision.</summary>
    /// <param name="cost">What each rank costs.</param>
    /// <param name="choice">What the layer becomes; null for dense.</param>
    /// <param name="reason">Why it stays dense.</param>
    /// <param name="spectrum">Singular values, descending, from which errors follow; null where they are not known.</param>
    /// <param name="plannedError">Predicted error of <paramref name="choice"/>, where it is known without a spectrum.</param>
    /// <param name="leader">The decision that this one always shares, because the two share their storage, or a basis.</param>
    internal LayerPlan(LayerCost cost, FactorChoice? choice, KeepReason reason, double[]? spectrum = null, double? plannedError = null, LayerPlan? leader = null)
    {
        (_cost, _reason, _spectrum, _plannedError, _leader) = (cost, reason, spectrum, plannedError, leader);
        _choice = PlannedChoice = choice;
    }

    /// <summary>Name of the tensor.</summary>
    public required string Name { get; init; }

    /// <summary>What the tensor is.</summary>
    public LayerKind Kind => _cost.Kind;

    /// <summary>Shape as stored.</summary>
    public required Dimensions Shape { get; init; }

    /// <summary>Rows of the matrix that a pair stands for: outputs of a linear map, entries of an embedding; zero where the tensor is no matrix.</summary>
    public long Rows => _cost.Size.Rows;

    /// <summary>Columns of that matrix: inputs of a linear map, features of an embedding; zero where the tensor is no matrix.</summary>
    public long Columns => _cost.Size.Columns;

    /// <summary>
    /// Rank of the pair, or of the adapter; the largest rank of a chain of convolutions, all of whose ranks become the one that is set, none above
    /// its own most. Null where the layer stays as it is. Layers that share a storage share it.
    /// </summary>
    /// <exception cref="LowRankToolsException"><c>RankExceedsLayer</c>: no matrix or kernel of this shape has the rank.</exception>
    public int? Rank
    {
        get => Choice?.Largest;
        set
        {
            if (_cost.Kernel is not null || _cost.IsMade(Choice ?? PlannedChoice))
            {
                Choice = value is { } rank ? MadeOf(rank) : null;
                return;
            }
            if (value < 1 || value > _cost.MostRank)
                throw new LowRankToolsException(CoreErrors.RankExceedsLayer, $"'{Name}' of shape {Shape} has no rank {value}.",
                    _cost.MostRank is > 0 and var largest ? $"Ranks go from 1 to {largest}; null leaves the layer as it is." : "Only matrices have ranks: leave it null.");
            Choice = FactorChoice.OfPair(value);
        }
    }

    /// <summary>How the factors are made: <c>Svd</c> for pairs, for convolutions a method of chains too. Null where the layer stays as it is.</summary>
    public string? Method => Choice?.Method;

    /// <summary>All ranks: one, or of a Tucker chain those of outputs and of channels. Null where the layer stays as it is.</summary>
    public Dimensions? Ranks => Choice?.Ranks;

    /// <summary>Makes a convolution a chain, or another one than was planned.</summary>
    /// <param name="method">One of Svd, Tucker, Cp and SpatialSvd.</param>
    /// <param name="ranks">Its ranks: one, or for Tucker those of outputs and of channels.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: the layer is no convolution over lines and columns, or shares a basis, or there is no such method;
    /// <c>RankExceedsLayer</c>: no chain has these ranks.</exception>
    public void SetChain(string method, params int[] ranks)
    {
        LayerMethod found = _cost.Own(LayerMethods.Find(method));
        if (_cost.SharedBy > 1)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"'{Name}' shares its basis with other layers, which are pairs.", "Plan without -ShareBasis.");
        if (_cost.Weight is not { } weight || !found.Takes(weight))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"'{Name}' of shape {Shape} is no weight that {found.Name} is for.", Kernel is null ? "Set its Rank." : "Choose a method of convolutions.");
        FactorChoice choice = FactorChoice.Of(found.Name, ranks);
        Require(found, weight, choice);
        Choice = choice;
    }

    /// <summary>What the layer becomes; null where it stays as it is.</summary>
    internal FactorChoice? Choice
    {
        get => _leader is null ? _choice : _leader.Choice;
        private set
        {
            if (_leader is not null)
                _leader.Choice = value;
            else
                _choice = value;
        }
    }

    /// <summary>Whether a kernel is stored as height x width x channels x outputs, as TensorFlow does.</summary>
    public bool ChannelsLast => _cost.ChannelsLast;

    /// <summary>Whether the layer becomes a chain of transposed convolutions: then its kernel is that of one.</summary>
    internal bool IsTransposed => Made is TransposedConvolution;

    /// <summary>Takes over what stood in a document, which was checked.</summary>
    internal void Restore(FactorChoice? choice) => Choice = choice;

    /// <summary>What was planned.</summary>
    internal FactorChoice? PlannedChoice { get; }

    /// <summary>Shape of the kernel of a convolution over lines and columns; null where the tensor is none.</summary>
    internal KernelShape? Kernel => _cost.Kernel;

    /// <summary>The method of layers that the factors are made by; null for a layer that stays and for the pair of a matrix.</summary>
    internal LayerMethod? Made => _cost.IsMade(Choice) ? LayerMethods.Find(Choice!.Method) : null;

    /// <summary>The factors by that method; null where there is none.</summary>
    internal IReadOnlyList<FactorShape>? Factors => Made?.Factors(_cost.Weight!, Choice!.Numbers);

    /// <summary>The rank that was planned, before anyone changed it by hand.</summary>
    public int? PlannedRank => PlannedChoice?.Largest;

    /// <summary>The method that was planned.</summary>
    public string? PlannedMethod => PlannedChoice?.Method;

    /// <summary>The ranks that were planned.</summary>
    public Dimensions? PlannedRanks => PlannedChoice?.Ranks;

    /// <summary>Why the layer stays as it is; None where it does not.</summary>
    public KeepReason Reason => Rank is not null ? KeepReason.None : PlannedRank is null ? _reason : KeepReason.ByHand;

    /// <summary>Whether the plan's rule speaks of the layer: it was selected, and is a matrix.</summary>
    internal bool IsChosen => Rank is not null || Reason is KeepReason.BreakEven or KeepReason.Budget or KeepReason.ByHand;

    /// <summary>Element type of the dense weight.</summary>
    public required string DTypeBefore { get; init; }

    /// <summary>Element type that the factors, or the dense copy, will have.</summary>
    public string DType => _cost.TypeName(Rank);

    /// <summary>How the factors, or the weight that stays dense, will be quantised; null where they will not.</summary>
    public WeightQuantization? Quantization => _cost.Quantization(Rank);

    /// <summary>Parameters of the dense weight; zero where another layer's storage is shared.</summary>
    public long ParametersBefore => _cost.IsTied ? 0 : _cost.DenseParameters;

    /// <summary>Elements of the dense weight, counted here or with another layer.</summary>
    internal long DenseParameters => _cost.DenseParameters;

    /// <summary>Parameters of what stands for it, biases that are added included; of an adapter, the trainable ones.</summary>
    public long Parameters => _cost.ParametersOf(Choice);

    /// <summary>Bytes of the dense weight as stored.</summary>
    public required long BytesBefore { get; init; }

    /// <summary>Bytes of what stands for it, or of the adapter.</summary>
    public long Bytes => _cost.BytesOf(Choice);

    /// <summary>Floating-point operations for one token before, a multiplication and an addition counting two; null where they depend on more than the weight.</summary>
    public long? FlopsBefore => _cost.Flops(null);

    /// <summary>The same of what stands for it.</summary>
    public long? Flops => _cost.FlopsOf(Choice);

    /// <summary>
    /// Predicted ||W - W'|| / ||W||, or ||(W - W') X|| / ||W X|| in a calibrated plan; zero for a layer that stays. Null where the
    /// plan was made without values, and for a rank that was changed after they were forgotten.
    /// </summary>
    public double? RelativeError =>
        Rank is not { } rank ? (IsChosen && !_cost.IsAdapter ? DenseError : null)
        : _spectrum is not null && Made is null or PivotedLayer ? (Quantization is { } kind ? QuantizedError(_spectrum, rank, kind) : SpectrumMeasures.RelativeError(_spectrum, rank))
        : Choice == PlannedChoice ? _plannedError : null;

    private double DenseError => Quantization is { } kind ? Math.Sqrt(QuantizationNoise.Share(kind, _cost.DenseParameters / _cost.StoredRows)) : 0;

    private double QuantizedError(double[] spectrum, int rank, WeightQuantization kind)
    {
        double energy = SpectrumMeasures.SquaredNorm(spectrum);
        double lost = SpectrumMeasures.Tail(spectrum, rank) + QuantizationNoise.OfPair(kind, spectrum, rank, Kind == LayerKind.Embedding ? rank : Columns);
        return energy == 0 ? 0 : Math.Sqrt(lost / energy);
    }

    /// <summary>||W||, or ||W X|| in a calibrated plan: what the error is relative to; null where the plan was made without values.</summary>
    public double? Norm { get; init; }

    /// <summary>Factor of the layer's squared error, (RelativeError Norm)^2, in what the plan minimises; null where the plan was made without values.</summary>
    public double? Weight { get; init; }

    /// <summary>Name of the tensor whose factors this one shares; null where it has its own.</summary>
    public string? TiedTo => _cost.SharesBasis ? null : _leader?.Name;

    /// <summary>Name of the layer whose factor next to the inputs is this one's too; null where it has its own.</summary>
    public string? Basis => _cost.SharesBasis ? _leader?.Name : null;

    /// <summary>The name: what takes names of layers takes the layer.</summary>
    public override string ToString() => Name;

    private FactorChoice MadeOf(int rank)
    {
        if ((Method ?? PlannedMethod) is not { } name)
            throw new LowRankToolsException(CoreErrors.RankExceedsLayer, $"'{Name}' of shape {Shape} is a convolution, and a rank alone does not say what it becomes.", "Choose a method with SetChain, or plan with -Method.");
        LayerMethod method = LayerMethods.Find(name);
        int most = method.MostRanks(_cost.Weight!).Max();
        return rank >= 1 && rank <= most ? FactorChoice.Of(method.Name, method.RanksOf(_cost.Weight!, rank))
            : throw new LowRankToolsException(CoreErrors.RankExceedsLayer, $"'{Name}' of shape {Shape} has no {method.Name} chain of rank {rank}.", $"Ranks go from 1 to {most}; null leaves the layer as it is.");
    }

    private void Require(LayerMethod method, IReadOnlyList<int> weight, FactorChoice choice)
    {
        try
        {
            method.Factors(weight, choice.Numbers);
        }
        catch (LowRankToolsException e) when (e.ErrorId == "ShapesDoNotMatch")
        {
            throw new LowRankToolsException(CoreErrors.RankExceedsLayer, $"'{Name}': {e.Message}", "Choose smaller ranks.", e);
        }
    }
}
