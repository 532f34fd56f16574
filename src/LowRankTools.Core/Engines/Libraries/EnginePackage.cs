namespace LowRankTools.Core.Engines.Libraries;

/// <summary>The package of libtorch for a device, under the names that TorchSharp's makers publish.</summary>
/// <param name="Id">Its name.</param>
/// <param name="DownloadBytes">Size of the download, about.</param>
/// <param name="LaidOutBytes">Size of its libraries, about.</param>
internal sealed record EnginePackage(string Id, long DownloadBytes, long LaidOutBytes)
{
    private const long Mega = 1 << 20, Giga = 1 << 30;

    /// <summary>The package for a device on this system; null where there is none.</summary>
    /// <param name="device"><c>cpu</c> or <c>cuda</c>.</param>
    /// <param name="platform">System and processor, such as <c>linux-x64</c>; null for one that TorchSharp has nothing for.</param>
    public static EnginePackage? For(string device, string? platform) => (device, platform) switch
    {
        ("cpu", not null) => new($"libtorch-cpu-{platform}", 125 * Mega, 460 * Mega),
        ("cuda", "linux-x64" or "win-x64") => new($"libtorch-cuda-12.8-{platform}", 3 * Giga, 6 * Giga),
        _ => null,
    };
}
