using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace LowRankTools.Core.Tests;

/// <summary>
/// Holds the folders inside the assemblies apart: which folders know one another in a circle is listed here, and the lists may only shrink.
/// Read from the sources: a type's name in a folder that does not declare it is an arrow.
/// </summary>
public sealed partial class FolderGraphTests
{
    private static readonly Dictionary<string, string[][]> s_circles = new(StringComparer.Ordinal)
    {
        ["LowRankTools.Numerics"] = [["Engines", "Factorizations", "Kernels", "Matrices", "Measuring", "Random", "Svd", "Threading"]],
        ["LowRankTools.Decompositions"] = [["Cp", "NonNegativeCp"]],
        ["LowRankTools.Formats"] = [["Archives", "Gguf", "IO", "Remote", "Safetensors", "Sharding", "Tensors", "Writing"], ["Onnx", "PyTorch"]],
        ["LowRankTools.Networks"] = [["Layers", "Modules"]],
        ["LowRankTools.Core"] =
        [
            [
                "Adapters", "Architectures", "Calibration", "Comparison", "Counting", "Decompositions", "Demo", "Engines", "Factorization", "Figures", "Merging",
                "Models", "Output", "Parts", "Planning", "Quality", "Reports", "Spectra", "Speed", "Tokens",
            ],
        ],
        ["LowRankTools.TorchSharp"] = [["Lora", "Modules", "Weights"]],
        ["LowRankTools.PowerShell"] = [],
        ["LowRankTools.Cli"] = [["Input", "Options"]],
    };

    public static TheoryData<string> Assemblies => [.. s_circles.Keys];

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void Folders_that_know_one_another_in_a_circle_are_listed(string assembly) =>
        Assert.Equal(s_circles[assembly].Select(c => string.Join(' ', c)), Circles(assembly).Select(c => string.Join(' ', c)));

    [Theory]
    [InlineData("LowRankTools.Interactive")]
    [InlineData("LowRankTools.Tensors")]
    [InlineData("LowRankTools.Tokenizers")]
    public void A_namespace_is_its_folder(string assembly) => Assert.All(Sources(assembly), source => Assert.Equal(source.FolderNamespace, source.Namespace));

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void A_namespace_is_that_of_the_assembly_or_of_its_folder(string assembly) =>
        Assert.All(Sources(assembly).Where(s => s.Namespace.Length > 0), source => Assert.StartsWith(source.Namespace, source.FolderNamespace, StringComparison.Ordinal));

    private static List<string[]> Circles(string assembly)
    {
        List<Source> sources = Sources(assembly);
        Dictionary<string, string> homes = sources.SelectMany(s => Declared().Matches(s.Code).Select(m => (Type: m.Groups[1].Value, s.Folder)))
            .GroupBy(d => d.Type, StringComparer.Ordinal).Where(g => g.Select(d => d.Folder).Distinct(StringComparer.Ordinal).Count() == 1)
            .ToDictionary(g => g.Key, g => g.First().Folder, StringComparer.Ordinal);
        Dictionary<string, HashSet<string>> arrows = sources.Where(s => s.Folder.Length > 0).GroupBy(s => s.Folder, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g
            .SelectMany(s => Word().Matches(s.Code).Select(w => homes.GetValueOrDefault(w.Value, ""))).Where(to => to.Length > 0 && to != g.Key).ToHashSet(StringComparer.Ordinal), StringComparer.Ordinal);
        Dictionary<string, HashSet<string>> reached = arrows.Keys.ToDictionary(f => f, f => Reached(arrows, f), StringComparer.Ordinal);
        return [.. arrows.Keys.Where(f => reached[f].Contains(f)).Select(f => string.Join(' ', arrows.Keys.Where(o => reached[f].Contains(o) && reached[o].Contains(f)).Order(StringComparer.Ordinal)))
            .Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).Select(c => c.Split(' '))];
    }

    private static HashSet<string> Reached(Dictionary<string, HashSet<string>> arrows, string from)
    {
        HashSet<string> seen = new(StringComparer.Ordinal);
        Stack<string> next = new([from]);
        while (next.TryPop(out string? folder))
        {
            foreach (string to in arrows.GetValueOrDefault(folder, []))
            {
                if (seen.Add(to))
                    next.Push(to);
            }
        }
        return seen;
    }

    private static List<Source> Sources(string assembly)
    {
        string root = Path.Combine(Root(), "src", assembly);
        return [.. Directory.EnumerateFiles(root, "*.cs", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(root, path).Replace('\\', '/'))
            .Where(path => !path.StartsWith("obj/", StringComparison.Ordinal) && !path.StartsWith("bin/", StringComparison.Ordinal)).Order(StringComparer.Ordinal)
            .Select(path => new Source(assembly, path, File.ReadAllText(Path.Combine(root, path))))];
    }

    private static string Root([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", ".."));

    [GeneratedRegex(@"\b(?:class|record struct|record|struct|enum|interface)\s+([A-Z]\w*)")]
    private static partial Regex Declared();

    [GeneratedRegex(@"\b[A-Z]\w*\b")]
    private static partial Regex Word();

    [GeneratedRegex(@"//.*|""(?:\\.|[^""\\\n])*""")]
    private static partial Regex CommentOrText();

    [GeneratedRegex(@"^namespace ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex NamespaceLine();

    private sealed record Source(string Assembly, string Path, string Text)
    {
        /// <summary>The folder below the assembly's; empty for what lies beside the project.</summary>
        public string Folder => Path.Contains('/') ? Path[..Path.IndexOf('/')] : "";

        public string FolderNamespace => Assembly + string.Concat(Path.Split('/')[..^1].Select(part => "." + part));

        public string Namespace => NamespaceLine().Match(Text).Groups[1].Value;

        public string Code => CommentOrText().Replace(Text, "");
    }
}
