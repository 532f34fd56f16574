using LowRankTools.Formats;

namespace LowRankTools.Core;

/// <summary>Whether two tensors are one and the same data under two names.</summary>
internal static class TensorTies
{
    /// <summary>Same type, shape and place. A transposed or partial view of the same storage is other data.</summary>
    public static bool SameData(TensorInfo a, TensorInfo b) =>
        a.DType == b.DType && a.Shape.SequenceEqual(b.Shape)
        && (ReferenceEquals(a.Source, b.Source)
            || a.Source is FileRegion left && b.Source is FileRegion right && left.Path == right.Path && left.Start == right.Start);
}
