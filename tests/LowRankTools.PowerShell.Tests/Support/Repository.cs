using System.Reflection;

namespace LowRankTools.PowerShell.Tests.Support;

/// <summary>The checkout that this test was built from: the module is laid out in it.</summary>
internal static class Repository
{
    public static string Root { get; } = typeof(Repository).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "RepositoryRoot").Value!;

    public static string ToolManifest => Path.Combine(Root, ".config", "dotnet-tools.json");

    public static string Manifest => Path.Combine(Root, "LowRankTools.psd1");

    public static string ModuleBin => Path.Combine(Root, "module", "bin");

    public static string Views => Path.Combine(Root, "module", "LowRankTools.format.ps1xml");

    public static string HelpFolder => Path.Combine(Root, "en-US");

    public static string Pages => Path.Combine(Root, "docs", "cmdlets");

    public static string Source => Path.Combine(Root, "src", "LowRankTools.PowerShell");

    /// <summary>The cmdlets, as the pages name them.</summary>
    public static IEnumerable<string> Cmdlets => Directory.EnumerateFiles(Pages, "*-*.md").Select(p => Path.GetFileNameWithoutExtension(p)).Order(StringComparer.Ordinal);
}
