using System.Collections.Immutable;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Writing;

/// <summary>A tensor that is about to be written.</summary>
/// <param name="Name">Name in the file.</param>
/// <param name="DType">Element type.</param>
/// <param name="Shape">Sizes, slowest first.</param>
public sealed record TensorSpec(string Name, TensorDType DType, ImmutableArray<long> Shape)
{
    /// <summary>Bytes of all elements.</summary>
    public long ByteLength => DType.ByteLength(TensorShape.ElementCount(Shape, Name));
}
