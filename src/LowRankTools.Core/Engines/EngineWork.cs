namespace LowRankTools.Core.Engines;

/// <summary>What an engine was timed on.</summary>
public enum EngineWork
{
    /// <summary>The truncated singular value decomposition of a square float32 matrix.</summary>
    TruncatedSvd,

    /// <summary>Two layers of BERT's shape, forward on one sequence of 256 tokens.</summary>
    Forward,
}
