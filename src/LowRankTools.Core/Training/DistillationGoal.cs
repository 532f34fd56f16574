namespace LowRankTools.Core.Training;

/// <summary>What a model that is trained is brought nearer to.</summary>
public enum DistillationGoal
{
    /// <summary>What suits the network: <see cref="Scores"/> for language models, <see cref="StatesAndEmbedding"/> for encoders.</summary>
    Auto,

    /// <summary>The original's embedding of each text: 1 - cosine.</summary>
    Embedding,

    /// <summary>The original's last states of each token: their squared difference as a share of the states' own square.</summary>
    States,

    /// <summary>Both, added up.</summary>
    StatesAndEmbedding,

    /// <summary>The original's scores for the next token: KL divergence at a temperature.</summary>
    Scores,

    /// <summary>The text itself: -log p of the next token; the original is not asked.</summary>
    NextToken,

    /// <summary>The right class of each line: -log p of it; the original is not asked.</summary>
    Labels,
}
