using LowRankTools.Formats;

namespace LowRankTools.Core;

/// <summary>A weight that an adapter is merged into.</summary>
internal sealed record AdaptedItem(AdapterTarget Target, TensorSpec Spec) : OutputItem.Single(Spec);
