using LowRankTools.Core.Engines.Libraries;

namespace LowRankTools.Core.Engines.Installing;

/// <summary>An engine that was installed, registered or removed.</summary>
/// <param name="Name">Its name, <c>TorchSharp</c> or <c>OnnxRuntime</c>.</param>
/// <param name="Device">What it is built for: <c>cpu</c> or <c>cuda</c>.</param>
/// <param name="Version">Version of the library; null where the folder does not tell.</param>
/// <param name="Bytes">Size of its files in bytes; 0 for a folder that is only registered.</param>
/// <param name="Path">Folder of the libraries.</param>
/// <param name="Package">Package that it came from; null for a folder that was there.</param>
/// <param name="Note">Why it cannot run here all the same, and what would help; empty where it can.</param>
public sealed record EngineInstallation(string Name, string Device, string? Version, long Bytes, string Path, string? Package, string Note)
{
    internal static EngineInstallation Of(string name, EngineRecord record, EngineStore store, string note = "") => new(
        name, record.Device, record.Version, record.Files.Sum(f => f.Bytes), record.Path ?? store.LibraryPath, record.Package, note);
}
