namespace LowRankTools.TorchSharp.Modules;

/// <summary>Where the factors of a pair start.</summary>
public enum PairInitialization
{
    /// <summary>At the truncated singular value decomposition of the trained weight, the best pair of its rank.</summary>
    Svd,

    /// <summary>Fresh, as a new Linear layer starts: for models that are trained from scratch.</summary>
    Random,
}

/// <summary>Which factors of a pair have a bias.</summary>
public enum PairBias
{
    /// <summary>The second one, where the layer has one: the pair then computes what the layer did.</summary>
    Second,

    /// <summary>Both, whether the layer has one or not.</summary>
    Both,
}

/// <summary>Everything that the surgery on linear layers can be told.</summary>
public sealed record FactorizeLinearOptions
{
    /// <summary>Where the factors start.</summary>
    public PairInitialization Initialization { get; init; }

    /// <summary>Which factors have a bias.</summary>
    public PairBias Bias { get; init; }

    /// <summary>Names of layers to replace, with * and ? as wildcards; empty for all.</summary>
    public IReadOnlyList<string> Include { get; init; } = [];

    /// <summary>Names of layers to leave dense, with * and ? as wildcards.</summary>
    public IReadOnlyList<string> Exclude { get; init; } = [];

    /// <summary>Whether layers are replaced too whose pair has no fewer parameters than they have.</summary>
    public bool IncludeUnprofitable { get; init; }

    /// <summary>Seed of the singular value decomposition.</summary>
    public ulong Seed { get; init; }
}
