using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace LowRankTools.Core.Tests;

/// <summary>Inside an assembly: namespaces are folders, and folders stand on one another without a circle.</summary>
public sealed partial class FolderGraphTests
{
    public static TheoryData<string> Projects => [.. Directory.EnumerateFiles(Path.Combine(Root(), "src"), "LowRankTools.*.csproj", SearchOption.AllDirectories).Select(p => Path.GetFileNameWithoutExtension(p))];

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_namespace_is_its_folder(string project)
    {
        List<SourceFile> files = Sources(project);
        Assert.NotEmpty(files);
        Assert.Empty(files.Where(f => f.Namespace != f.Folder).Select(f => $"{f.Path}: {f.Namespace}"));
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void No_folder_stands_on_itself(string project)
    {
        List<SourceFile> files = Sources(project);
        Dictionary<string, string> folders = [];
        foreach (SourceFile file in files)
        {
            foreach (Match type in Declaration().Matches(file.Code))
                folders.TryAdd(type.Groups["name"].Value, file.Folder);
        }
        Dictionary<string, Dictionary<string, string>> arrows = new(StringComparer.Ordinal);
        foreach (SourceFile file in files)
        {
            HashSet<string> inCode = Mentioned(file.Code, folders), inWords = Mentioned(file.Comments, folders);
            // What only comments speak of is no arrow. A using that no type's name explains is there for extension methods.
            IEnumerable<string> seen = file.Usings.Where(u => folders.ContainsValue(u) && (inCode.Contains(u) || !inWords.Contains(u)))
                .Concat(inCode.Where(f => file.Folder.StartsWith(f + ".", StringComparison.Ordinal)));
            foreach (string other in seen.Where(f => f != file.Folder))
                (arrows.TryGetValue(file.Folder, out Dictionary<string, string>? from) ? from : arrows[file.Folder] = new(StringComparer.Ordinal)).TryAdd(other, file.Path);
        }
        Assert.Null(Circle(arrows));
    }

    private static HashSet<string> Mentioned(string text, Dictionary<string, string> folders) =>
        [.. Word().Matches(text).Select(w => w.Value).Where(folders.ContainsKey).Select(w => folders[w])];

    private static string? Circle(Dictionary<string, Dictionary<string, string>> arrows)
    {
        HashSet<string> done = [];
        List<string> path = [];
        return arrows.Keys.Select(Visit).FirstOrDefault(c => c is not null);

        string? Visit(string folder)
        {
            if (path.IndexOf(folder) is >= 0 and int first)
                return string.Join("\n", path.Skip(first).Zip(path.Skip(first + 1).Append(folder), (from, to) => $"{from} -> {to} in {arrows[from][to]}"));
            if (!done.Add(folder) || !arrows.TryGetValue(folder, out Dictionary<string, string>? next))
                return null;
            path.Add(folder);
            string? circle = next.Keys.Select(Visit).FirstOrDefault(c => c is not null);
            path.RemoveAt(path.Count - 1);
            return circle;
        }
    }

    private static List<SourceFile> Sources(string project)
    {
        string root = Path.Combine(Root(), "src", project);
        List<SourceFile> files = [];
        foreach (string path in Directory.EnumerateFiles(root, "*.cs", SearchOption.AllDirectories))
        {
            string relative = Path.GetRelativePath(root, path).Replace('\\', '/');
            if (relative.StartsWith("obj/", StringComparison.Ordinal) || relative.StartsWith("bin/", StringComparison.Ordinal))
                continue;
            string text = File.ReadAllText(path);
            // A program without a namespace is its project's entry point.
            if (Namespace().Match(text) is not { Success: true } own)
                continue;
            string folder = string.Join('.', relative.Split('/')[..^1].Prepend(project));
            files.Add(new SourceFile(relative, folder, own.Groups[1].Value, [.. Using().Matches(text).Select(u => u.Groups[1].Value)],
                Text().Replace(text, " "), string.Join('\n', Text().Matches(text).Select(m => m.Value))));
        }
        return files;
    }

    private static string Root([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", ".."));

    [GeneratedRegex(@"^namespace ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex Namespace();

    [GeneratedRegex(@"^using ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex Using();

    // Comments and strings: what stands in them is not called.
    [GeneratedRegex("""//[^\n]*|"(\\.|[^"\\\n])*"|'(\\.|[^'\\\n])'""")]
    private static partial Regex Text();

    [GeneratedRegex(@"^(?:[a-z]+ )*(?:class|struct|interface|enum|record(?: struct)?|delegate [^\s(]+) (?<name>[A-Z]\w*)", RegexOptions.Multiline)]
    private static partial Regex Declaration();

    [GeneratedRegex(@"\b[A-Z]\w*")]
    private static partial Regex Word();

    private sealed record SourceFile(string Path, string Folder, string Namespace, IReadOnlyList<string> Usings, string Code, string Comments);
}
