namespace LowRankTools.Core.Quality;

/// <summary>How well a model does what its reference does, on one text. Encoders have the figures of embeddings, language models those of tokens.</summary>
public sealed record ModelQuality
{
    /// <summary>Full path of the model: binds to the next cmdlet's -LiteralPath.</summary>
    public required string Path { get; init; }

    /// <summary>Name of the model.</summary>
    public required string Name { get; init; }

    /// <summary>Full path of the model that it is held against.</summary>
    public required string Reference { get; init; }

    /// <summary>Full path of the adapter that ran beside the model's weights; null for none.</summary>
    public string? Adapter { get; init; }

    /// <summary>Architecture, as <c>model_type</c> in a <c>config.json</c> names it.</summary>
    public required string Architecture { get; init; }

    /// <summary>Parameters, tied ones once, the adapter's too.</summary>
    public required long Parameters { get; init; }

    /// <summary>Those of the reference.</summary>
    public required long ReferenceParameters { get; init; }

    /// <summary>Share of the reference's parameters.</summary>
    public double Kept => ReferenceParameters == 0 ? 1 : (double)Parameters / ReferenceParameters;

    /// <summary>Full path of the text or token file.</summary>
    public required string Text { get; init; }

    /// <summary>Lines of it that were used.</summary>
    public required int Lines { get; init; }

    /// <summary>Tokens that both models read.</summary>
    public required long Tokens { get; init; }

    /// <summary>Lines that were longer than a sequence.</summary>
    public required int CutLines { get; init; }

    /// <summary>How an embedding was made: Pooled, Mean or First; null for language models.</summary>
    public string? Pooling { get; init; }

    /// <summary>Mean cosine of a line's two embeddings.</summary>
    public double? MeanCosine { get; init; }

    /// <summary>The least of them.</summary>
    public double? MinCosine { get; init; }

    /// <summary>Number of the line that has it.</summary>
    public int? WorstLine { get; init; }

    /// <summary>Pairs of lines whose similarities, cosines of their embeddings, were compared; those of the first 2,000 lines.</summary>
    public long? Pairs { get; init; }

    /// <summary>Pearson's correlation of the pairs' similarities with those of the reference; null for fewer than two pairs, or where all are alike.</summary>
    public double? Pearson { get; init; }

    /// <summary>Spearman's: the correlation of their ranks.</summary>
    public double? Spearman { get; init; }

    /// <summary>Share of the lines of which the model and its reference say the same class; null for models without classes.</summary>
    public double? Agreement { get; init; }

    /// <summary>Full path of the labels; null where none were given.</summary>
    public string? Labels { get; init; }

    /// <summary>Share of the lines of which the model says the right class; null without labels.</summary>
    public double? Accuracy { get; init; }

    /// <summary>That of the reference.</summary>
    public double? ReferenceAccuracy { get; init; }

    /// <summary>Tokens that were predicted: all but the first of each sequence.</summary>
    public long? Predictions { get; init; }

    /// <summary>exp of the mean of -log p(token | those before it in its sequence).</summary>
    public double? Perplexity { get; init; }

    /// <summary>That of the reference.</summary>
    public double? ReferencePerplexity { get; init; }

    /// <summary>Wall-clock time of both models' runs and the figures, loading included; the reference's run is counted once, with the first model.</summary>
    public required double Seconds { get; init; }
}
