using LowRankTools.Core.Models;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Adapters;

/// <summary>What LoTR has no form for, said in one way.</summary>
internal static class LotrErrors
{
    /// <summary>A table among the layers.</summary>
    public static LowRankToolsException Embedding(ModelSource source, string name) =>
        new(CoreErrors.AdapterUnsupported, $"{source.Path}: '{name}' is an embedding, and LoTR shares factors between linear maps and convolutions.", "Leave embeddings out, or write Peft or Kohya.");

    /// <summary>A rule that needs every singular value of a dense delta, or none at all.</summary>
    public static LowRankToolsException Rule(ModelSource source, AdapterRank? rank) =>
        new(CoreErrors.OptionInvalid, $"{source.Path}: factors that layers share are chosen by a rank or a share of energy{(rank is null ? "" : $", not by {rank}")}.", "Give -Rank or -Energy.");
}
