namespace LowRankTools.Networks.Surgery;

/// <summary>Where the factors of a pair start.</summary>
public enum PairInitialization
{
    /// <summary>At the truncated singular value decomposition of the weight, the best pair of its rank.</summary>
    Svd,

    /// <summary>Fresh, as a new layer starts: for networks that are trained from scratch.</summary>
    Random,
}

/// <summary>Which halves of a pair have a bias.</summary>
public enum PairBias
{
    /// <summary>The second, where the layer has one: the pair then computes what the layer did.</summary>
    Second,

    /// <summary>Both, whether the layer has one or not.</summary>
    Both,
}

/// <summary>Everything that the surgery on linear layers can be told.</summary>
public sealed record FactorizeLinearOptions
{
    /// <summary>All defaults.</summary>
    public static FactorizeLinearOptions Default { get; } = new();

    /// <summary>Where the factors start.</summary>
    public PairInitialization Initialization { get; init; }

    /// <summary>Which halves have a bias.</summary>
    public PairBias Bias { get; init; }

    /// <summary>Says by its name whether a layer is replaced; null for all.</summary>
    public Func<string, bool>? Include { get; init; }

    /// <summary>Says by its name whether a layer stays; null for none.</summary>
    public Func<string, bool>? Exclude { get; init; }

    /// <summary>Whether layers are replaced too whose pair has no fewer parameters than they have.</summary>
    public bool IncludeUnprofitable { get; init; }

    /// <summary>Seed of the decompositions and of fresh factors.</summary>
    public ulong Seed { get; init; }
}

/// <summary>Why a linear layer stays as it is.</summary>
public enum StaysDense
{
    /// <summary>It does not: it was replaced.</summary>
    No,

    /// <summary>The plan, or the names to include or exclude, leave it out.</summary>
    Excluded,

    /// <summary>Its pair would have no fewer parameters.</summary>
    BreakEven,

    /// <summary>It shares its weight with something that stays; a pair would come on top of it.</summary>
    TiedToDense,
}

/// <summary>What became of one linear layer.</summary>
/// <param name="Name">Where it is in the network, such as <c>encoder.layers.0.fc1</c>.</param>
/// <param name="InFeatures">Columns of its weight.</param>
/// <param name="OutFeatures">Rows of its weight.</param>
/// <param name="Rank">Rank of its pair; null where it stays dense.</param>
/// <param name="Reason">Why it stays dense.</param>
/// <param name="RelativeError">||W - B A|| / ||W||; null where it stays dense, starts fresh or has a shape only.</param>
public sealed record LinearReplacement(string Name, int InFeatures, int OutFeatures, int? Rank, StaysDense Reason, double? RelativeError);
