namespace LowRankTools.Tests;

/// <summary>A test of what only Linux has.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class LinuxOnlyFactAttribute : FactAttribute
{
    public LinuxOnlyFactAttribute() => Skip = OperatingSystem.IsLinux() ? null : "needs Linux";
}
