using System.Management.Automation;
using LowRankTools.Core.Planning;

namespace LowRankTools.PowerShell.Binding;

/// <summary>Lets a path stand for the plan in that file, and leaves plans as they are.</summary>
public sealed class RankPlanTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    /// <remarks>An error that is thrown here keeps its id as the inner exception of the binder's.</remarks>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object data = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        string? path = data switch
        {
            string text => engineIntrinsics.SessionState.Path.GetUnresolvedProviderPathFromPSPath(text),
            FileInfo file => file.FullName,
            _ => null,
        };
        return path is null ? data : RankPlanFile.Read(path);
    }
}
