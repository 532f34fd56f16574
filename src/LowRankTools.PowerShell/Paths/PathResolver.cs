using System.Collections.ObjectModel;
using System.Management.Automation;
using LowRankTools.Numerics;
using LowRankTools.PowerShell.Errors;

namespace LowRankTools.PowerShell.Paths;

/// <summary>
/// Turns what a user wrote (relative to the session's location, on any drive, with wildcards) into full paths of the
/// file system.
/// </summary>
internal sealed class PathResolver(PSCmdlet cmdlet)
{
    private const string FileSystem = "FileSystem";

    /// <summary>A path that means exactly what it says; it need not exist.</summary>
    /// <exception cref="LowRankToolsException"><c>PathNotFileSystem</c>.</exception>
    public string Literal(string path)
    {
        string full = cmdlet.SessionState.Path.GetUnresolvedProviderPathFromPSPath(path, out ProviderInfo provider, out _);
        return provider.Name == FileSystem ? full : throw ErrorRecords.NotFileSystem(path, provider.Name);
    }

    /// <summary>A path that may hold wildcards.</summary>
    /// <param name="path">What the user wrote.</param>
    /// <param name="literalFirst">
    /// Whether a file of exactly this name wins over the wildcard reading. So it is for paths that come down the pipeline:
    /// they are the Path properties of objects, in which a bracket is a bracket.
    /// </param>
    /// <returns>Full paths, and whether a wildcard found them.</returns>
    /// <exception cref="LowRankToolsException"><c>PathNotFileSystem</c>.</exception>
    public (IReadOnlyList<string> Paths, bool Expanded) Expand(string path, bool literalFirst)
    {
        bool wild = WildcardPattern.ContainsWildcardCharacters(path);
        if (wild && literalFirst && Literal(path) is { } full && (File.Exists(full) || Directory.Exists(full)))
            return ([full], false);
        Collection<string> found = cmdlet.GetResolvedProviderPathFromPSPath(path, out ProviderInfo provider);
        return provider.Name == FileSystem ? (found, wild) : throw ErrorRecords.NotFileSystem(path, provider.Name);
    }
}
