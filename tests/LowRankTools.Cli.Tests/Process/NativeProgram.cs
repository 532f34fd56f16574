namespace LowRankTools.Cli.Tests.Process;

/// <summary>The console program as <c>dotnet publish -p:Native=true</c> makes it.</summary>
internal static class NativeProgram
{
    private static readonly string s_source = System.IO.Path.Combine(Root(), "src");

    public static string Path { get; } = System.IO.Path.Combine(s_source, "LowRankTools.Cli", "bin", "native", OperatingSystem.IsWindows() ? "lowrank.exe" : "lowrank");

    /// <summary>Why there is nothing to test; null where there is.</summary>
    public static string? Missing { get; } = WhyMissing();

    private static string? WhyMissing()
    {
        const string Remedy = "dotnet publish src/LowRankTools.Cli -p:Native=true";
        // Vector widths are constants there, and the last places of singular values follow the width.
        if (System.Runtime.Intrinsics.Vector512.IsHardwareAccelerated) return "the native program is built for AVX2, and this processor has AVX-512";
        if (!File.Exists(Path)) return $"needs the native program: {Remedy}";
        DateTime made = File.GetLastWriteTimeUtc(Path);
        return Directory.EnumerateFiles(s_source, "*.cs", SearchOption.AllDirectories)
            .Any(file => !file.Contains($"{System.IO.Path.DirectorySeparatorChar}obj{System.IO.Path.DirectorySeparatorChar}", StringComparison.Ordinal) && File.GetLastWriteTimeUtc(file) > made)
            ? $"the native program is older than the sources: {Remedy}" : null;
    }

    private static string Root()
    {
        string folder = AppContext.BaseDirectory;
        while (!File.Exists(System.IO.Path.Combine(folder, "LowRankTools.sln")))
            folder = System.IO.Path.GetDirectoryName(folder)!;
        return folder;
    }
}

/// <summary>A test of the native program.</summary>
internal sealed class NativeFactAttribute : FactAttribute
{
    public NativeFactAttribute() => Skip = NativeProgram.Missing;
}

/// <summary>A test of the native program with several inputs.</summary>
internal sealed class NativeTheoryAttribute : TheoryAttribute
{
    public NativeTheoryAttribute() => Skip = NativeProgram.Missing;
}
