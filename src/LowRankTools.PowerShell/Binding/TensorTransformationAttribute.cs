using System.Management.Automation;
using LowRankTools.Core.Decompositions;

namespace LowRankTools.PowerShell.Binding;

/// <summary>Lets arrays of numbers stand where tensors are taken.</summary>
public sealed class TensorTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData) => (inputData is PSObject wrapped ? wrapped.BaseObject : inputData) switch
    {
        Array { Rank: > 1 } array => TensorArrays.Of(array),
        Array array when array.GetType().GetElementType()!.IsPrimitive => throw new ArgumentTransformationMetadataException("An array of one dimension is a vector, which has nothing to decompose. Use one of more, such as float[,]."),
        _ => inputData,
    };
}
