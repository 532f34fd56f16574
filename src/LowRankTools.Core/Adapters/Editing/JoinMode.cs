namespace LowRankTools.Core.Adapters.Editing;

/// <summary>How adapters become one; the names are PEFT's.</summary>
public enum JoinMode
{
    /// <summary>The weighted sum, exactly: factors side by side, ranks added.</summary>
    Cat,
    /// <summary>The weighted sum, recompressed to a rank: what is left out is the least possible.</summary>
    Svd,
    /// <summary>Sums of the factors of equal ranks: cheap, and another product than the sum, with cross terms.</summary>
    Linear,
    /// <summary>TIES: each delta keeps its largest entries, signs are elected, entries of the elected sign are averaged; a pair of a rank for the result.</summary>
    Ties,
    /// <summary>DARE: entries of each delta are dropped at random and the others raised in their place; a pair of a rank for the weighted sum.</summary>
    Dare,
}
