using LowRankTools.Formats.Writing;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Output;

/// <summary>The folder of an output, created where it was absent, with the lock of the one writer that may write there.</summary>
internal sealed class OutputFolder : IDisposable
{
    private readonly OutputDisk _disk;
    private readonly string _folder;
    private readonly string? _created;

    private OutputFolder(OutputDisk disk, string folder, string? created, IOutputLock held)
    {
        _disk = disk;
        _folder = folder;
        _created = created;
        Held = held;
    }

    /// <summary>The lock.</summary>
    public IOutputLock Held { get; }

    /// <summary>Opens the folder of an output.</summary>
    /// <exception cref="LowRankToolsException"><c>OutputBusy</c>: another run is writing this output.</exception>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written.</exception>
    public static OutputFolder Open(OutputPlace place, OutputLocation location)
    {
        string folder = location.Folder;
        string? created = null;
        for (string? at = folder; at is not null && !Directory.Exists(at); at = Path.GetDirectoryName(at))
            created = at;
        place.Disk.CreateFolder(folder);
        try
        {
            IOutputLock held = place.Disk.TryLock(Path.Combine(folder, place.LockName))
                ?? throw new LowRankToolsException(CoreErrors.OutputBusy, $"{location.WeightsPath}: another run is writing this output.",
                    "Wait for it to end, or choose another -OutputPath.");
            return new OutputFolder(place.Disk, folder, created, held);
        }
        catch
        {
            RemoveEmpty(place.Disk, folder, created);
            throw;
        }
    }

    /// <summary>Lets go of the lock, and of a folder that was created for nothing.</summary>
    public void Dispose()
    {
        try
        {
            Held.Dispose();
            RemoveEmpty(_disk, _folder, _created);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // What went wrong before is what to tell; the next run into the folder finds what is left.
        }
    }

    private static void RemoveEmpty(OutputDisk disk, string folder, string? created)
    {
        if (created is null)
            return;
        for (string at = folder; at.Length >= created.Length && Directory.Exists(at) && !Directory.EnumerateFileSystemEntries(at).Any(); at = Path.GetDirectoryName(at)!)
            disk.DeleteFolder(at);
    }
}
