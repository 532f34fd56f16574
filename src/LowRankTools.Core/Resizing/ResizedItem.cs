using LowRankTools.Core.Architectures;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Output;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Core.Resizing;

/// <summary>A weight or bias of a feed-forward part that keeps some of its hidden units.</summary>
internal sealed record ResizedItem(FeedForwardPart Part, ModelLayer Layer, TensorSpec Spec) : OutputItem.Single(Spec);
