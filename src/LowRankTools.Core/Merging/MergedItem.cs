using LowRankTools.Core.Output;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Core.Merging;

/// <summary>Factors that become a weight again.</summary>
internal sealed record MergedItem(DenseTensor Tensor, TensorSpec Spec) : OutputItem.Single(Spec);
