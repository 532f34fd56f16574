using LowRankTools.Core.Output;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Core.Adapters.Editing;

/// <summary>A weight that an adapter is merged into.</summary>
internal sealed record AdaptedItem(AdapterTarget Target, TensorSpec Spec) : OutputItem.Single(Spec);
