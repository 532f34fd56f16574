using LowRankTools.Numerics;

namespace LowRankTools.Core;

/// <summary>What to install for the engine TorchSharp.</summary>
public sealed record InstallEngineOptions
{
    /// <summary>Device to compute on: <c>cpu</c> or <c>cuda</c>; null for the processor, or for what a folder given by <see cref="LibTorch"/> is built for.</summary>
    public string? Device { get; init; }

    /// <summary>Folder that holds libtorch already; it is registered where it lies. Null to bring a package.</summary>
    public string? LibTorch { get; init; }

    /// <summary>Package sources, as addresses or folders; empty for those that this machine has configured.</summary>
    public IReadOnlyList<string> Sources { get; init; } = [];

    /// <summary>Whether what is installed is replaced.</summary>
    public bool Force { get; init; }

    /// <summary>Checks the options against each other.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    public void Validate()
    {
        if (Device is not null && LibTorch is not null)
            throw Invalid("-Device and -LibTorch are given together.", "A folder is built for what it is built for: leave -Device out.");
        if (Sources.Count > 0 && LibTorch is not null)
            throw Invalid("-Source and -LibTorch are given together.", "A folder that is there needs no package: leave -Source out.");
        if (Device is not null && !IsDevice(Device))
            throw Invalid($"'{Device}' is no device that a package is built for.", "Give cpu or cuda.");
    }

    private static bool IsDevice(string device) =>
        device.Equals("cpu", StringComparison.OrdinalIgnoreCase) || device.Equals("cuda", StringComparison.OrdinalIgnoreCase);

    private static LowRankToolsException Invalid(string message, string remedy) => new(CoreErrors.OptionInvalid, message, remedy);
}
