using LowRankTools.Numerics;

namespace LowRankTools.Core.Output;

/// <summary>What a disk refuses, as errors with a name and a remedy.</summary>
internal static class OutputErrors
{
    private const int UnixDiskFull = 28;
    private const int WindowsDiskFull = unchecked((int)0x80070070);

    /// <summary>Runs a step that writes into a folder.</summary>
    /// <exception cref="LowRankToolsException"><c>DiskFull</c>, <c>OutputNotWritable</c>.</exception>
    public static T Writing<T>(string folder, Func<T> step)
    {
        try
        {
            return step();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw NotWritable(folder, e);
        }
    }

    private static LowRankToolsException NotWritable(string folder, Exception e) =>
        e.HResult is UnixDiskFull or WindowsDiskFull
            ? new LowRankToolsException(CoreErrors.DiskFull, $"{folder}: the disk is full.", "Free some room, or choose another -OutputPath.", e)
            : new LowRankToolsException(CoreErrors.OutputNotWritable, $"{folder}: the output cannot be written: {e.Message}", "Choose another -OutputPath.", e);
}
