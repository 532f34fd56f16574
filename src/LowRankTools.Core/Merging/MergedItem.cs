using LowRankTools.Formats;

namespace LowRankTools.Core;

/// <summary>Factors that become a weight again.</summary>
internal sealed record MergedItem(DenseTensor Tensor, TensorSpec Spec) : OutputItem.Single(Spec);
