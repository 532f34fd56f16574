using LowRankTools.Core.Layers;

namespace LowRankTools.Cli.Reports;

/// <summary>Why layers stay dense, in words.</summary>
internal static class KeepReasons
{
    public static string InWords(KeepReason reason) => reason switch
    {
        KeepReason.NotLinear => "no linear map",
        KeepReason.Grouped => "depthwise or grouped",
        KeepReason.Transposed => "transposed convolution",
        KeepReason.Embedding => "embedding, see --include-embedding",
        KeepReason.NotIncluded => "not included",
        KeepReason.Excluded => "excluded",
        KeepReason.BreakEven => "factors would not be smaller",
        KeepReason.Budget => "the budget buys more elsewhere",
        KeepReason.ByHand => "as told",
        KeepReason.AlreadyFactorized => "a pair already",
        KeepReason.TiedToDense => "tied to a dense tensor",
        KeepReason.UnreadableType => "type without conversion",
        KeepReason.GraphUse => "the graph uses it otherwise",
        _ => "",
    };
}
