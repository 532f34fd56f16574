using System.IO.Enumeration;
using LowRankTools.Core;
using LowRankTools.Core.Models;
using LowRankTools.Formats.Remote;
using LowRankTools.Numerics;

namespace LowRankTools.Cli.Input;

/// <summary>
/// Expands <c>*</c> and <c>?</c> in paths that arrive as they were typed: quoted from the shell, or on a shell that
/// leaves wildcards to programs.
/// </summary>
internal static class PathPatterns
{
    /// <summary>The path itself where it exists or holds no wildcard; otherwise what it matches, in order: folders and files
    /// that are called like models, or all of it where nothing is.</summary>
    /// <exception cref="LowRankToolsException"><c>PathNotFound</c>: it holds wildcards and matches nothing.</exception>
    public static IReadOnlyList<string> Expand(string path)
    {
        // The question mark of an address is no wildcard.
        if (RemoteAddress.Is(path) || !IsPattern(path) || Path.Exists(path))
            return [path];
        string root = Path.GetPathRoot(path) ?? "";
        string[] segments = path[root.Length..].Split([Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar], StringSplitOptions.RemoveEmptyEntries);
        List<string> matches = [root];
        for (int i = 0; i < segments.Length; i++)
            matches = [.. matches.SelectMany(folder => Step(folder, segments[i], isLast: i == segments.Length - 1))];
        if (matches.Count == 0)
            throw new LowRankToolsException(CoreErrors.PathNotFound, $"{path}: the pattern matches no file or folder.", "Check the path.");
        // A wildcard over a model's folder does not mean its configuration.
        List<string> models = [.. matches.Where(m => Directory.Exists(m) || ModelLocator.LooksLikeModel(m))];
        return models.Count > 0 ? models : matches;
    }

    private static bool IsPattern(string path) => path.AsSpan().ContainsAny('*', '?');

    private static IEnumerable<string> Step(string folder, string segment, bool isLast)
    {
        if (!IsPattern(segment))
        {
            string next = Path.Combine(folder, segment);
            return (isLast ? Path.Exists(next) : Directory.Exists(next)) ? [next] : [];
        }
        EnumerationOptions options = new() { AttributesToSkip = default, IgnoreInaccessible = true };
        bool ignoreCase = OperatingSystem.IsWindows() || OperatingSystem.IsMacOS();
        return new DirectoryInfo(folder.Length == 0 ? "." : folder).EnumerateFileSystemInfos("*", options)
            .Where(entry => isLast || entry is DirectoryInfo)
            .Select(entry => entry.Name)
            // As in shells, a wildcard does not find hidden names unless it says so.
            .Where(name => name[0] != '.' || segment[0] == '.')
            .Where(name => FileSystemName.MatchesSimpleExpression(segment, name, ignoreCase))
            .Order(StringComparer.Ordinal)
            .Select(name => Path.Combine(folder, name));
    }
}
