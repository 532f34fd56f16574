using LowRankTools.Core.Architectures;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Output;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Core.Resizing;

/// <summary>A weight or bias of a feed-forward part that keeps some of its hidden units.</summary>
internal sealed record ResizedItem(FeedForwardPart Part, ModelLayer Layer, TensorSpec Spec) : OutputItem.Single(Spec);

/// <summary>A weight or bias of attention whose heads get narrower.</summary>
internal sealed record ResizedHeadItem(AttentionPart Part, ModelLayer Layer, TensorSpec Spec) : OutputItem.Single(Spec);

/// <summary>GGUF's divisors of how fast pairs of features turn.</summary>
internal sealed record DivisorItem(TensorSpec Spec) : OutputItem.Single(Spec);
