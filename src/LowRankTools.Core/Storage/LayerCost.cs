using LowRankTools.Core.Layers;
using LowRankTools.Decompositions.Convolutions;
using LowRankTools.Decompositions.Layers;
using LowRankTools.Decompositions.Methods;
using LowRankTools.Formats.Quantization;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Core.Storage;

/// <summary>What a layer of a plan costs at each rank. Null as a rank means dense.</summary>
internal sealed record LayerCost
{
    /// <summary>What the tensor is.</summary>
    public required LayerKind Kind { get; init; }

    /// <summary>Rows and columns of the matrix that a pair stands for; zero where the tensor is no matrix.</summary>
    public required (long Rows, long Columns) Size { get; init; }

    /// <summary>Shape of the kernel that a chain of convolutions stands for; null where the tensor is none.</summary>
    public KernelShape? Kernel { get; init; }

    /// <summary>Whether the kernel is stored as height x width x channels x outputs.</summary>
    public bool ChannelsLast { get; init; }

    /// <summary>Whether the kernel is that of a transposed convolution: then it is inputs x outputs x height x width.</summary>
    public bool IsTransposed { get; init; }

    /// <summary>Elements of the dense weight.</summary>
    public required long DenseParameters { get; init; }

    /// <summary>Type that a pair, or an adapter, is stored in.</summary>
    public required TensorDType PairType { get; init; }

    /// <summary>Type that the weight is stored in where it stays dense.</summary>
    public required TensorDType DenseType { get; init; }

    /// <summary>How a pair's factors are quantised; null for not.</summary>
    public WeightQuantization? Quantize { get; init; }

    /// <summary>How the weight is quantised where it stays dense; null for not.</summary>
    public WeightQuantization? DenseQuantize { get; init; }

    /// <summary>Rows of the dense weight as it is stored; zero where it is none that can be quantised.</summary>
    public long StoredRows { get; init; }

    /// <summary>Whether the dense weight stays and only an adapter's parameters count.</summary>
    public bool IsAdapter { get; init; }

    /// <summary>Whether the layer shares another one's storage, which is counted there.</summary>
    public bool IsTied { get; init; }

    /// <summary>Layers that share the pair's factor next to the inputs, this one among them; one where it is its own.</summary>
    public int SharedBy { get; init; } = 1;

    /// <summary>Largest rank that there is: of the matrix, or of those that share a basis below each other.</summary>
    public long MostRank => Math.Min(SharedBy * Size.Rows, Size.Columns);

    /// <summary>Whether the pair's factor next to the inputs is an earlier layer's, which is counted there.</summary>
    public bool SharesBasis { get; init; }

    /// <summary>Zeros that are written for a pair because the receiving module has biases: for each rank, and besides.</summary>
    public (long PerRank, long Fixed) Biases { get; init; }

    /// <summary>Whether a pair of a rank has fewer parameters than the matrix.</summary>
    public bool Pays(long rank) => rank <= RankBounds.BreakEven(Size.Rows, Size.Columns) && PairParameters(rank) < DenseParameters;

    /// <summary>Sizes of the weight as methods of layers take it: of the kernel, or of the matrix that a pair stands for; null for other tensors and for what is too large.</summary>
    public IReadOnlyList<int>? Weight => Kernel?.Sizes ?? (Size.Rows > 0 && Size.Columns > 0 && (Int128)Size.Rows * Size.Columns <= int.MaxValue ? [(int)Size.Rows, (int)Size.Columns] : null);

    /// <summary>A method as it is for this weight: for the kernel of a transposed convolution that of chains of such.</summary>
    public LayerMethod Own(LayerMethod method) => IsTransposed && method is ConvolutionMethod chain ? chain.Transposed : method;

    /// <summary>Whether a choice is factors by a method of layers, and not dense or the pair of a matrix.</summary>
    public bool IsMade(FactorChoice? choice) => choice is not null && (Kernel is not null || choice.Method != FactorChoice.Pair);

    /// <summary>Parameters of a choice; null for dense.</summary>
    public long ParametersOf(FactorChoice? choice) =>
        !IsMade(choice) ? Parameters(choice?.Largest) : IsTied ? 0 : LayerMethods.Find(choice!.Method).Parameters(Weight!, choice.Numbers);

    /// <summary>Bytes of those.</summary>
    public long BytesOf(FactorChoice? choice) => IsMade(choice) ? PairType.ByteLength(ParametersOf(choice)) : Bytes(choice?.Largest);

    /// <summary>Floating-point operations of a choice, as <see cref="Flops"/> counts them.</summary>
    public long? FlopsOf(FactorChoice? choice) =>
        IsMade(choice) ? 2 * LayerMethods.Find(choice!.Method).MultiplyAdds(Weight!, choice.Numbers, Kind == LayerKind.Embedding) : Flops(choice?.Largest);

    /// <summary>Parameters that are stored, or trained in an adapter.</summary>
    public long Parameters(int? rank) => IsTied ? 0 : rank is { } r ? PairParameters(r) : IsAdapter ? 0 : DenseParameters;

    /// <summary>Bytes of those.</summary>
    public long Bytes(int? rank) => IsTied || IsAdapter && rank is null ? 0
        : Quantization(rank) is not { } kind ? Type(rank).ByteLength(Parameters(rank))
        : rank is not { } r ? QuantizedLayout.ByteLength(kind, StoredRows, DenseParameters / StoredRows)
        : PairType.ByteLength(r * Biases.PerRank + Biases.Fixed) + (Kind == LayerKind.Embedding
            ? QuantizedLayout.ByteLength(kind, Size.Rows, r) + QuantizedLayout.ByteLength(kind, Size.Columns, r)
            : QuantizedLayout.ByteLength(kind, r, Size.Columns) + QuantizedLayout.ByteLength(kind, Size.Rows, r));

    /// <summary>Whether the dense weight can be quantised: it is a matrix of numbers, whose rows are whole blocks.</summary>
    public bool CanQuantizeDense(WeightQuantization kind) => StoredRows > 0 && QuantizedParts.Fits(kind, DenseParameters / StoredRows);

    /// <summary>Whether the rows of a pair's factors are whole blocks, at ranks that are.</summary>
    public bool CanQuantizePair(WeightQuantization kind) => Kind == LayerKind.Embedding || QuantizedParts.Fits(kind, Size.Columns);

    /// <summary>How those are quantised; null for not.</summary>
    public WeightQuantization? Quantization(int? rank) => rank is null ? DenseQuantize : Quantize;

    /// <summary>Name of how those are stored.</summary>
    public string TypeName(int? rank) => Quantization(rank)?.ToString() ?? Type(rank).ToString();

    /// <summary>Element type of those.</summary>
    public TensorDType Type(int? rank) => rank is null ? DenseType : PairType;

    /// <summary>
    /// Floating-point operations that the layer makes of one token, a multiplication and an addition counting two; null where
    /// they depend on more than the weight. Looking up a dense embedding's row takes none.
    /// </summary>
    public long? Flops(int? rank)
    {
        (long rows, long columns) = Size;
        if (rows == 0)
            return null;
        long dense = Kind == LayerKind.Embedding ? 0 : checked(2 * rows * columns);
        long pair = checked(2 * (rank ?? 0) * (Kind == LayerKind.Embedding ? columns : rows + columns));
        return IsAdapter ? dense + pair : rank is null ? dense : pair;
    }

    private long PairParameters(long rank) => RankBounds.PairParameters(Size.Rows, SharesBasis ? 0 : Size.Columns, rank) + rank * Biases.PerRank + Biases.Fixed;
}
