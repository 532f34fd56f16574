using LowRankTools.Core.Models;
using LowRankTools.Formats;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Onnx;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.TensorFlowJs;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Core.Output;

/// <summary>
/// What runs that were killed left in a folder: temporary files, and shards or data files that no index or graph came to name. Who holds the lock
/// that such files are called after knows that their writer is gone.
/// </summary>
internal static class OutputLeftovers
{
    /// <summary>
    /// Notes which shards are about to get their names, and which are about to go, for whoever has to clear up after this
    /// process. Stamps make sure that it will be those files and no others of their names.
    /// </summary>
    /// <param name="held">The output's lock.</param>
    /// <param name="coming">Shards under their temporary names.</param>
    /// <param name="going">Full paths of old files.</param>
    public static void Announce(IOutputLock held, IEnumerable<PendingFile> coming, IEnumerable<string> going)
    {
        string text = string.Join('\n', coming.Select(f => Line(FileStamp.Of(f.File.TemporaryPath!), f.Path))
            .Concat(going.Where(IsPart).Select(g => Line(FileStamp.Of(g), g))));
        // An empty note that is one already costs no wait for the disk.
        if (text.Length > 0 || held.Read().Length > 0)
            held.Write(text);
    }

    /// <summary>Removes what is left in a folder by writers that are gone.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="place">The output about to be written.</param>
    /// <param name="held">Its lock.</param>
    /// <returns>What was done, for people; empty when there was nothing.</returns>
    public static string Remove(string folder, OutputPlace place, IOutputLock held)
    {
        if (!held.IsExclusive)
            return "";
        List<FileInfo> removed = [];
        Clear(folder, place.Disk, place.Key, held, removed);
        foreach (string path in Directory.EnumerateFiles(folder, ".*.lock").Where(p => Path.GetFileName(p) != place.LockName).ToList())
        {
            if (OutputPlace.KeyOfLock(Path.GetFileName(path)) is not { } key || !IsOurs(key))
                continue;
            using IOutputLock? other = place.Disk.TryLock(path);
            if (other is { IsExclusive: true })
                Clear(folder, place.Disk, key, other, removed);
        }
        return removed.Count == 0 ? ""
            : $"{folder}: left by a run that was killed and now removed: {removed.Count} {(removed.Count == 1 ? "file" : "files")}, {removed.Sum(f => f.Length):N0} bytes.";
    }

    /// <summary>Locks of other programs are none of this one's business.</summary>
    private static bool IsOurs(string key) => key == OutputLocation.OwnKey || key.EndsWith("." + OutputLocation.OwnKey, StringComparison.Ordinal);

    private static void Clear(string folder, OutputDisk disk, string key, IOutputLock held, List<FileInfo> removed)
    {
        IEnumerable<string> shards = held.Read().Split('\n').Select(line => line.Split(' ', 2)).Where(parts => parts.Length == 2)
            .Select(parts => (Stamp: parts[0], Path: Path.Combine(folder, Path.GetFileName(parts[1])))).Where(f => IsOrphan(f.Path, f.Stamp)).Select(f => f.Path);
        IEnumerable<string> temporary = Directory.EnumerateFiles(folder, $".{key}.*.tmp").Where(path => OutputPlace.IsTemporary(Path.GetFileName(path), key));
        foreach (string path in shards.Concat(temporary).ToList())
        {
            FileInfo file = new(path);
            _ = file.Length; // looked at while it is there
            disk.Delete(path);
            removed.Add(file);
        }
    }

    /// <summary>The very file that the run had in hand, and no index names it: either the run's own index never stood, or it has replaced the old one.</summary>
    private static bool IsOrphan(string path, string stamp) =>
        IsPart(path) && FileStamp.Of(path)?.ToString() == stamp && !(GraphOf(path) is { } graph ? IsNamedByGraph(path, graph) : IsNamedByIndex(path));

    /// <summary>Shards, and data files of graphs.</summary>
    private static bool IsPart(string path) => ShardNames.StemOf(path) is not null || GraphOf(path) is not null;

    /// <summary>Full path of the graph that a file is a data file of, by its name; null for other names.</summary>
    public static string? GraphOf(string path) => OnnxModelWriter.ModelOf(path)
        ?? (TensorFlowJsModelWriter.IsShard(path) ? Path.Combine(Path.GetDirectoryName(path)!, OutputLocation.TensorFlowJsName) : null);

    private static bool IsNamedByIndex(string path) =>
        ModelParts.TryList(Path.Combine(Path.GetDirectoryName(path)!, ShardNames.StemOf(path) + ".safetensors" + ModelFileNames.IndexSuffix), out IReadOnlyList<string> named) && named.Contains(path);

    /// <summary>A graph that cannot be read may name anything.</summary>
    private static bool IsNamedByGraph(string path, string graph)
    {
        if (!File.Exists(graph))
            return false;
        try
        {
            using TensorFile model = TensorFiles.Open(graph);
            return model.Files.Contains(path);
        }
        catch (Exception e) when (e is ModelFormatException or IOException or UnauthorizedAccessException)
        {
            return true;
        }
    }

    private static string Line(FileStamp? stamp, string path) => $"{stamp} {Path.GetFileName(path)}";
}
