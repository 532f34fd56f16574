using LowRankTools.Formats.IO;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Output;

/// <summary>
/// The files that a run reads, as they were when it began: none may be written over, and none may have changed by the time
/// the output gets its name.
/// </summary>
internal sealed class SourceFiles
{
    private readonly Dictionary<string, FileStamp?> _stamps;
    private readonly HashSet<FileIdentity> _identities;

    private SourceFiles(Dictionary<string, FileStamp?> stamps)
    {
        _stamps = stamps;
        _identities = [.. stamps.Values.OfType<FileStamp>().Select(s => s.Identity)];
    }

    /// <summary>No files: a model that is made from nothing.</summary>
    public static SourceFiles None { get; } = new([]);

    /// <summary>Looks at files.</summary>
    /// <param name="paths">Full paths.</param>
    public static SourceFiles Of(IEnumerable<string> paths) =>
        new(paths.Distinct(StringComparer.Ordinal).ToDictionary(p => p, FileStamp.Of, StringComparer.Ordinal));

    /// <summary>Whether a path leads to one of the files, whatever its spelling and through whatever links.</summary>
    public bool Contains(string path) => _identities.Count > 0 && FileIdentity.Of(path) is { } identity && _identities.Contains(identity);

    /// <summary>Refuses what was read from files that are not as they were.</summary>
    /// <exception cref="LowRankToolsException"><c>SourceChanged</c>.</exception>
    public void CheckUnchanged()
    {
        foreach ((string path, FileStamp? before) in _stamps)
        {
            if (FileStamp.Of(path) != before)
            {
                throw new LowRankToolsException(CoreErrors.SourceChanged, $"{path}: the file was changed while it was read.",
                    "Run again when nothing writes to it any more. Nothing was written.");
            }
        }
    }
}
