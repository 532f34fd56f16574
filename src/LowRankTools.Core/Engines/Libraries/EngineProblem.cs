namespace LowRankTools.Core.Engines.Libraries;

/// <summary>Why an engine cannot run here.</summary>
/// <param name="Reason">The cause, without a full stop.</param>
/// <param name="Remedy">What would make it run, as sentences.</param>
/// <param name="Cause">What the loader said, where it came to that.</param>
internal sealed record EngineProblem(string Reason, string Remedy, Exception? Cause = null);

/// <summary>The native libraries of an engine, or why there are none.</summary>
/// <param name="Files">Full paths, in the order in which they are loaded.</param>
/// <param name="Problem">Why they cannot be loaded; null where they can.</param>
internal sealed record EngineNatives(IReadOnlyList<string> Files, EngineProblem? Problem = null)
{
    /// <summary>None, for a reason.</summary>
    public static EngineNatives None(string reason, string remedy, Exception? cause = null) => new([], new EngineProblem(reason, remedy, cause));
}
