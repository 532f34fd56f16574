using LowRankTools.Numerics;

namespace LowRankTools.Core;

/// <summary>Tells errors from deep inside which file they are about.</summary>
internal static class ErrorContext
{
    /// <summary>The same error with a file, or a file and a part of it, before what it says.</summary>
    public static LowRankToolsException In(this LowRankToolsException error, string place, string? remedy = null)
    {
        // The message ends with the remedy, which is added again.
        string problem = error.Remedy.Length > 0 ? error.Message[..^error.Remedy.Length].TrimEnd() : error.Message;
        return new LowRankToolsException(error.ErrorId, $"{place}: {problem}", remedy ?? error.Remedy, error);
    }
}
