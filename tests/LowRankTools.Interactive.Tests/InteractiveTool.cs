using System.Diagnostics;

namespace LowRankTools.Interactive.Tests;

/// <summary>.NET Interactive in the version of the tool manifest.</summary>
internal static class InteractiveTool
{
    /// <summary>Why tests that need it are skipped; null where they are not.</summary>
    public static string? Missing { get; } = Find();

    private static string? Find()
    {
        ProcessStartInfo start = new("dotnet", ["tool", "run", "dotnet-interactive", "--", "--version"])
        { WorkingDirectory = Repository.Root, RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        error.GetAwaiter().GetResult();
        return process.ExitCode == 0 ? null : "needs .NET Interactive: dotnet tool restore";
    }
}

/// <summary>A test that runs cells, skipped with the reason where .NET Interactive is absent.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class InteractiveFactAttribute : FactAttribute
{
    public InteractiveFactAttribute() => Skip = InteractiveTool.Missing;
}

/// <summary>As <see cref="InteractiveFactAttribute"/>, for a theory.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class InteractiveTheoryAttribute : TheoryAttribute
{
    public InteractiveTheoryAttribute() => Skip = InteractiveTool.Missing;
}
