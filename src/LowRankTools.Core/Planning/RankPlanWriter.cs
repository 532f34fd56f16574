using LowRankTools.Core.Plans;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Planning;

/// <summary>Writes the plans of one run: two of them never share a file, whether existing files are replaced or not.</summary>
/// <param name="force">Whether files that were there before are replaced.</param>
public sealed class RankPlanWriter(bool force)
{
    private readonly HashSet<string> _written = new(OperatingSystem.IsLinux() ? StringComparer.Ordinal : StringComparer.OrdinalIgnoreCase);

    /// <summary>Writes a plan whole or not at all.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="path">Full path.</param>
    /// <exception cref="LowRankToolsException"><c>OutputCollision</c>, <c>OutputExists</c>, <c>OutputNotWritable</c>.</exception>
    public void Write(RankPlan plan, string path)
    {
        if (_written.Contains(path))
            throw new LowRankToolsException(CoreErrors.OutputCollision, $"{path}: another plan of this run was written there.", "Write each plan to a file of its own.");
        RankPlanFile.Write(plan, path, force);
        _written.Add(path);
    }
}
