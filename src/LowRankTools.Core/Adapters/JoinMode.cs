namespace LowRankTools.Core;

/// <summary>How adapters become one; the names are PEFT's.</summary>
public enum JoinMode
{
    /// <summary>The weighted sum, exactly: factors side by side, ranks added.</summary>
    Cat,
    /// <summary>The weighted sum, recompressed to a rank: what is left out is the least possible.</summary>
    Svd,
    /// <summary>Sums of the factors of equal ranks: cheap, and another product than the sum, with cross terms.</summary>
    Linear,
}
