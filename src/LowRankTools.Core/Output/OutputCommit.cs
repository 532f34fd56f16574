using LowRankTools.Formats.Writing;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Output;

/// <summary>
/// The one step in which an old model gives way to a new one, and what goes before and after it. What an error of the disk
/// stops before that step is taken back; what a crash leaves is cleared by the next run.
/// </summary>
internal sealed class OutputCommit(OutputPlace place, OutputLocation location, IOutputLock held, bool force)
{
    /// <summary>Gives all files their names.</summary>
    /// <param name="before">Files that make no model by themselves: shards, configuration.</param>
    /// <param name="entry">The file that makes a model of them.</param>
    /// <param name="record">The record beside it; null for none.</param>
    /// <param name="stale">Files of the old model that the new one has no use for.</param>
    public void Run(IReadOnlyList<PendingFile> before, PendingFile entry, PendingFile? record, IReadOnlyList<string> stale)
    {
        List<string> fresh = [];
        string? aside = null;
        try
        {
            foreach (PendingFile file in before)
            {
                bool old = Path.Exists(file.Path);
                file.File.MoveTo(file.Path, replace: old && force);
                if (!old)
                    fresh.Add(file.Path);
            }
            // Neither model may stand beside the record of the other: weights carry one inside, so both can do without.
            if (record is not null && force && File.Exists(record.Path))
                place.Disk.Rename(record.Path, aside = Path.Combine(location.Folder, OutputPlace.TemporaryName(place.Key)), replace: false);
            // A single file has nothing that it could come before.
            if (before.Count > 0 || aside is not null)
                place.Disk.FlushFolder(location.Folder);
            entry.File.MoveTo(entry.Path, force);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            fresh.ForEach(place.Disk.Delete);
            if (aside is not null && !File.Exists(record!.Path))
                place.Disk.Rename(aside, record.Path, replace: false);
            throw;
        }
        try
        {
            place.Disk.FlushFolder(location.Folder);
            record?.File.MoveTo(record.Path, force);
            foreach (string path in aside is null ? stale : [.. stale, aside])
                place.Disk.Delete(path);
            if (record is not null || aside is not null || stale.Count > 0)
                place.Disk.FlushFolder(location.Folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            held.Keep();
            throw new LowRankToolsException(CoreErrors.OutputNotWritable, $"{entry.Path}: the model is written, but not all that it replaces could be cleared away: {e.Message}",
                "The next run into the folder tries again.", e);
        }
    }
}
