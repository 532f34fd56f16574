namespace LowRankTools.Tests;

/// <summary>A test of what only Unix has: named pipes, links without rights, names that are bytes.</summary>
internal sealed class UnixOnlyFactAttribute : FactAttribute
{
    public UnixOnlyFactAttribute()
    {
        if (OperatingSystem.IsWindows())
            Skip = "needs a Unix system: named pipes, links, names that are bytes";
    }
}
