namespace LowRankTools.Cli.Tests;

/// <summary>A test of what only Unix has: POSIX signals, wildcards in file names.</summary>
internal sealed class UnixFactAttribute : FactAttribute
{
    public UnixFactAttribute()
    {
        if (OperatingSystem.IsWindows())
            Skip = "needs a Unix system: signals, wildcards in file names";
    }
}
