namespace LowRankTools.Core.Quality;

/// <summary>The one figure of a <see cref="ModelQuality"/> that something is chosen by.</summary>
public enum QualityMeasure
{
    /// <summary>What suits the network: <see cref="Perplexity"/> for language models, <see cref="MeanCosine"/> for encoders.</summary>
    Auto,

    /// <summary>Mean cosine of the two embeddings of a line; higher is better.</summary>
    MeanCosine,

    /// <summary>Pearson's correlation of the similarities of all pairs of lines; higher is better.</summary>
    Pearson,

    /// <summary>Spearman's correlation of them; higher is better.</summary>
    Spearman,

    /// <summary>exp of the mean of -log p of the next token; lower is better.</summary>
    Perplexity,
}
