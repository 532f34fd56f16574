using System.Reflection;

namespace LowRankTools.Interactive.Tests;

/// <summary>The checkout that this test was built from.</summary>
internal static class Repository
{
    public static string Root { get; } = typeof(Repository).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "RepositoryRoot").Value!;

    public static string Notebooks => Path.Combine(Root, "notebooks");

    public static IEnumerable<string> NotebookFiles => Directory.EnumerateFiles(Notebooks, "*.ipynb").Order(StringComparer.Ordinal);
}
