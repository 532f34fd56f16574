using LowRankTools.Formats;

namespace LowRankTools.Core;

/// <summary>A weight or bias of a feed-forward part that keeps some of its hidden units.</summary>
internal sealed record ResizedItem(FeedForwardPart Part, ModelLayer Layer, TensorSpec Spec) : OutputItem.Single(Spec);
