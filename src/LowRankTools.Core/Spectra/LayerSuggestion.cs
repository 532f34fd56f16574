namespace LowRankTools.Core.Spectra;

/// <summary>What a layer's singular values alone suggest.</summary>
public enum LayerSuggestion
{
    /// <summary>Leave it dense: a pair below the break-even rank would lose too much.</summary>
    Keep,
    /// <summary>Make it a pair: most of its energy lies below the break-even rank.</summary>
    Factorize,
}
