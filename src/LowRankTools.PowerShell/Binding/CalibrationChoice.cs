using LowRankTools.Core;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Numerics;

namespace LowRankTools.PowerShell.Binding;

/// <summary>What -Calibration, -CalibrationMode and -CalibrationRefit ask for together.</summary>
internal static class CalibrationChoice
{
    /// <summary>The choice; null for the weights alone.</summary>
    /// <param name="path">Full path of the file; null where none is given.</param>
    /// <param name="mode">Name of the mode.</param>
    /// <param name="needsFile">Whether a mode was given that means nothing without a file.</param>
    /// <param name="refit">Whether one factor is fitted again.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: there is no file for what was asked.</exception>
    public static CalibrationOptions? Of(string? path, string mode, bool needsFile, bool refit = false) =>
        path is not null ? new CalibrationOptions { Path = path, Mode = Enum.Parse<CalibrationMode>(mode, ignoreCase: true), Refit = refit }
        : !needsFile && !refit ? null
        : throw new LowRankToolsException(CoreErrors.OptionInvalid, "There is no calibration to use in a mode or to refit on.", "Give a file with -Calibration.");
}
