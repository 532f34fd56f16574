using System.Management.Automation;
using LowRankTools.Core;

namespace LowRankTools.PowerShell;

/// <summary>Lets arrays of numbers stand where tensors are taken.</summary>
public sealed class TensorTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData) =>
        (inputData is PSObject wrapped ? wrapped.BaseObject : inputData) is Array { Rank: > 1 } array ? TensorArrays.Of(array) : inputData;
}
