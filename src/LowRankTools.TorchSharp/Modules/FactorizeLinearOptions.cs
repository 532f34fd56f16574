namespace LowRankTools.TorchSharp.Modules;

/// <summary>Where factors start.</summary>
public enum PairInitialization
{
    /// <summary>At the decomposition of the trained weight: a pair at the truncated singular value decomposition, the best of its rank, a tensor train at TT-SVD.</summary>
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

/// <summary>Which linear layers a surgery replaces, and where what replaces them starts.</summary>
public abstract record LinearSurgeryOptions
{
    private protected LinearSurgeryOptions()
    {
    }

    /// <summary>Where the factors start.</summary>
    public PairInitialization Initialization { get; init; }

    /// <summary>Names of layers to replace, with * and ? as wildcards; empty for all.</summary>
    public IReadOnlyList<string> Include { get; init; } = [];

    /// <summary>Names of layers to leave dense, with * and ? as wildcards.</summary>
    public IReadOnlyList<string> Exclude { get; init; } = [];

    /// <summary>Whether layers are replaced too whose factors have no fewer parameters than they have.</summary>
    public bool IncludeUnprofitable { get; init; }

    /// <summary>Seed of the decomposition.</summary>
    public ulong Seed { get; init; }
}

/// <summary>Everything that the surgery that makes pairs can be told.</summary>
public sealed record FactorizeLinearOptions : LinearSurgeryOptions
{
    /// <summary>Which factors have a bias.</summary>
    public PairBias Bias { get; init; }
}
