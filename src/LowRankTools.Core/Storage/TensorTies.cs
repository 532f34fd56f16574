using LowRankTools.Core.Layers;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Core.Storage;

/// <summary>Whether two tensors are one and the same data under two names.</summary>
internal static class TensorTies
{
    /// <summary>Same type, shape and place. A transposed or partial view of the same storage is other data.</summary>
    public static bool SameData(TensorInfo a, TensorInfo b) =>
        a.DType == b.DType && a.Shape.SequenceEqual(b.Shape)
        && (ReferenceEquals(a.Source, b.Source)
            || a.Source is FileRegion left && b.Source is FileRegion right && left.Path == right.Path && left.Start == right.Start);

    /// <summary>Name of the tensor that a layer is tied to and is the very data of; null where there is none.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="tensors">All tensors of its model by name.</param>
    public static string? LeaderOf(ModelLayer layer, IReadOnlyDictionary<string, TensorInfo> tensors) =>
        layer.Shape.TiedTo is { } first && tensors.TryGetValue(first, out TensorInfo? leader) && SameData(leader, layer.Tensor) ? first : null;
}
