using System.Text.Json.Serialization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Storage;
using LowRankTools.Decompositions.Convolutions;
using LowRankTools.Decompositions.Methods;
using LowRankTools.Formats;
using LowRankTools.Formats.Quantization;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Core.Planning;

/// <summary>A layer of a plan as it stands in JSON: the properties of <see cref="LayerPlan"/> under their names.</summary>
internal sealed record PlanDocumentLayer(
    string Name,
    int? Rank,
    int? PlannedRank,
    KeepReason Reason,
    LayerKind Kind,
    Dimensions Shape,
    long Rows,
    long Columns,
    long ParametersBefore,
    long Parameters,
    string DTypeBefore,
    string DType,
    long BytesBefore,
    long Bytes,
    long? FlopsBefore,
    long? Flops,
    double? RelativeError,
    double? Norm,
    double? Weight,
    string? TiedTo)
{
    // What plans of version 1 lack. Of a matrix they say no more than its rank, which is what counts there.

    public string? Method { get; init; }

    public Dimensions? Ranks { get; init; }

    public string? PlannedMethod { get; init; }

    public Dimensions? PlannedRanks { get; init; }

    public bool ChannelsLast { get; init; }

    /// <summary>How the pair, or the dense matrix, is quantised; null where it is not, and missing in earlier plans.</summary>
    public WeightQuantization? Quantization { get; init; }

    /// <summary>Name of the layer whose factor next to the inputs is this one's too; null where it has its own, and missing in earlier plans.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Basis { get; init; }

    public static PlanDocumentLayer Of(LayerPlan layer) => new(layer.Name, layer.Rank, layer.PlannedRank, layer.Reason, layer.Kind, layer.Shape, layer.Rows, layer.Columns,
        layer.ParametersBefore, layer.Parameters, layer.DTypeBefore, layer.DType, layer.BytesBefore, layer.Bytes, layer.FlopsBefore, layer.Flops,
        layer.RelativeError, layer.Norm, layer.Weight, layer.TiedTo)
    {
        Method = layer.Method,
        Ranks = layer.Ranks,
        PlannedMethod = layer.PlannedMethod,
        PlannedRanks = layer.PlannedRanks,
        ChannelsLast = layer.ChannelsLast,
        Quantization = layer.Quantization,
        Basis = layer.Basis,
    };

    /// <summary>The layer's plan.</summary>
    /// <param name="dtype">Element type that the plan asks for.</param>
    /// <param name="isAdapter">Whether the plan is one of adapters.</param>
    /// <param name="earlier">The layers before it, which it may share its rank with.</param>
    /// <param name="sharedBy">Layers that share its basis, itself among them; one for none.</param>
    /// <param name="invalid">Makes the error of a document that makes no sense.</param>
    public LayerPlan ToPlan(TensorDType? dtype, bool isAdapter, Dictionary<string, LayerPlan> earlier, int sharedBy, Func<string, Exception> invalid)
    {
        if (!Enum.IsDefined(Kind) || !Enum.IsDefined(Reason))
            throw invalid($"'{Name}' has a kind or a reason that stands for nothing");
        LayerPlan? leader = null;
        if (TiedTo is not null && !earlier.TryGetValue(TiedTo, out leader))
            throw invalid($"'{Name}' is tied to '{TiedTo}', which no earlier layer is called");
        if (leader is not null && leader.Rank != Rank)
            throw invalid($"'{Name}' is tied to '{TiedTo}' and has another rank");
        if (Basis is not null)
            leader = BasisOf(earlier, isAdapter, invalid);
        TensorDType before = Type(DTypeBefore, invalid);
        long elements = Elements(invalid);
        KernelShape? kernel = Kernel(elements);
        FactorChoice? chosen = Choice(kernel, elements, Rank, Method, Ranks, sharedBy, invalid);
        FactorChoice? first = Choice(kernel, elements, PlannedRank, PlannedMethod, PlannedRanks, sharedBy, invalid);
        if (BytesBefore < 0 || Norm is < 0 || Weight is < 0 || RelativeError is < 0)
            throw invalid($"'{Name}' has a negative figure");
        if (Quantization is { } kind && (!Enum.IsDefined(kind) || isAdapter || Rows * Columns == 0 || Shape.Count != 2))
            throw invalid($"'{Name}' cannot be quantised so");
        StoredAs stored = new(dtype);
        LayerCost cost = new()
        {
            Kind = Kind,
            Size = (Rows, Columns),
            Kernel = kernel,
            ChannelsLast = ChannelsLast,
            IsTransposed = (Method ?? PlannedMethod) is { } name && LayerMethods.TryFind(name) is TransposedConvolution,
            DenseParameters = elements,
            PairType = OutputTypes.Factor(before, dtype),
            DenseType = OutputTypes.Copy(before, before.IsQuantized() ? ModelFormat.Gguf : stored.Format, dtype),
            Quantize = Quantization,
            DenseQuantize = Rank is null ? Quantization : null,
            StoredRows = Rows * Columns != 0 && Shape.Count == 2 ? Shape[0] : 0,
            IsAdapter = isAdapter,
            IsTied = TiedTo is not null,
            SharedBy = sharedBy,
            SharesBasis = Basis is not null,
        };
        // The error is the planned rank's: another one's is not known without the values.
        LayerPlan plan = new(cost, first, Reason, plannedError: chosen == first ? RelativeError : null, leader: leader)
        {
            Name = Name,
            Shape = Shape,
            DTypeBefore = DTypeBefore,
            BytesBefore = BytesBefore,
            Norm = Norm,
            Weight = Weight,
        };
        if (leader is null)
            plan.Restore(chosen);
        return plan;
    }

    /// <summary>The layer whose basis this one uses: a pair of its shape and rank that has its own.</summary>
    private LayerPlan BasisOf(Dictionary<string, LayerPlan> earlier, bool isAdapter, Func<string, Exception> invalid)
    {
        if (!earlier.TryGetValue(Basis!, out LayerPlan? leader) || leader.TiedTo is not null || leader.Basis is not null || TiedTo is not null || isAdapter)
            throw invalid($"'{Name}' uses the basis of '{Basis}', which is no layer that has its own");
        if (leader.Rank != Rank || leader.PlannedRank != PlannedRank || leader.Shape != Shape || leader.Rows != Rows || leader.Kind != Kind || Kind is not (LayerKind.Linear or LayerKind.AttentionPacked)
            || Quantization is not null || leader.Quantization is not null || leader.Choice?.Method is not (null or FactorChoice.Pair))
            throw invalid($"'{Name}' uses the basis of '{Basis}', and the two are no pairs of one shape and rank");
        return leader;
    }

    private KernelShape? Kernel(long elements) =>
        LayerShape.IsKernelOf(Kind, Shape) && elements is > 0 and <= int.MaxValue ? LayerWeight.ShapeOf(Shape, ChannelsLast) : null;

    private FactorChoice? Choice(KernelShape? kernel, long elements, int? rank, string? method, Dimensions? ranks, int sharedBy, Func<string, Exception> invalid)
    {
        if (kernel is null && (method ?? FactorChoice.Pair) == FactorChoice.Pair)
        {
            return rank is null || rank >= 1 && rank <= Math.Min(sharedBy * Rows, Columns) ? FactorChoice.OfPair(rank)
                : throw invalid($"'{Name}' is {Rows} x {Columns} and has no rank {rank}");
        }
        IReadOnlyList<int>? weight = kernel?.Sizes ?? (Rows * Columns == elements && elements is > 0 and <= int.MaxValue ? [(int)Rows, (int)Columns] : null);
        if (weight is null || method is not null && LayerMethods.TryFind(method)?.Takes(weight) == false)
            throw invalid($"'{Name}' is no weight that {method} is for");
        if (rank is null)
            return null;
        if (method is null || ranks is null || LayerMethods.TryFind(method) is not { } known)
            throw invalid($"'{Name}' has a rank, and names no method and ranks that there are");
        IReadOnlyList<int> most = known.MostRanks(weight);
        if (ranks.Count != most.Count || ranks.Sizes.Where((r, i) => r < 1 || r > most[i]).Any() || ranks.Sizes.Max() != rank)
            throw invalid($"'{Name}' of ({string.Join(" x ", weight)}) has no {method} of ranks {ranks}, the largest of them {rank}");
        return new FactorChoice(known.Name, ranks);
    }

    /// <summary>A type by its name.</summary>
    public static TensorDType Type(string name, Func<string, Exception> invalid) =>
        Enum.TryParse(name, out TensorDType type) && Enum.IsDefined(type) && !char.IsAsciiDigit(name[0]) ? type : throw invalid($"'{name}' is no element type");

    private long Elements(Func<string, Exception> invalid)
    {
        if (Shape.Sizes.Any(s => s < 0) || Rows < 0 || Columns < 0 || Rows > int.MaxValue || Columns > int.MaxValue)
            throw invalid($"'{Name}' has sizes that no tensor has");
        long elements = Shape.Sizes.Aggregate(1L, (product, size) => checked(product * size));
        if (Rows * Columns != 0 && Rows * Columns != elements)
            throw invalid($"'{Name}' of {Rows} x {Columns} cannot have the shape {Shape}");
        return elements;
    }
}
