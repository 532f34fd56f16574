using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Core.Engines.OnnxRuntime;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Engines.Installing;

/// <summary>What to install, and from where.</summary>
public sealed record InstallEngineOptions
{
    /// <summary>The engine: <c>TorchSharp</c>, which libtorch is brought for, or <c>OnnxRuntime</c>.</summary>
    public string Name { get; init; } = nameof(EngineKind.TorchSharp);

    /// <summary>Device to compute on: <c>cpu</c> or <c>cuda</c>; null for the processor, or for what a folder given by <see cref="LibTorch"/> is built for.</summary>
    public string? Device { get; init; }

    /// <summary>Folder that holds libtorch already; it is registered where it lies. Null to bring a package.</summary>
    public string? LibTorch { get; init; }

    /// <summary>Folder that holds ONNX Runtime already, or its library; it is registered where it lies.</summary>
    public string? OnnxRuntime { get; init; }

    /// <summary>The folder that is registered; null to bring a package.</summary>
    internal string? Folder => LibTorch ?? OnnxRuntime;

    /// <summary>The engine that all of it is about.</summary>
    internal string Engine => OnnxRuntime is null ? Name : OnnxRuntimeFiles.EngineName;

    /// <summary>Package sources, as addresses or folders; empty for those that this machine has configured.</summary>
    public IReadOnlyList<string> Sources { get; init; } = [];

    /// <summary>Whether what is installed is replaced.</summary>
    public bool Force { get; init; }

    /// <summary>Checks the options against each other.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    public void Validate()
    {
        if (LibTorch is not null && OnnxRuntime is not null)
            throw Invalid("-LibTorch and -OnnxRuntime are given together.", "Register them one after the other.");
        string? folder = LibTorch is not null ? "-LibTorch" : OnnxRuntime is not null ? "-OnnxRuntime" : null;
        if (Device is not null && folder is not null)
            throw Invalid($"-Device and {folder} are given together.", "A folder is built for what it is built for: leave -Device out.");
        if (Sources.Count > 0 && folder is not null)
            throw Invalid($"-Source and {folder} are given together.", "A folder that is there needs no package: leave -Source out.");
        if (LibTorch is not null && EngineLibraries.Of(Engine) is not LibTorchLibrary)
            throw Invalid($"-LibTorch is given for {Name}.", "Name its folder with -OnnxRuntime.");
        if (Device is not null && !IsDevice(Device))
            throw Invalid($"'{Device}' is no device that a package is built for.", "Give cpu or cuda.");
    }

    private static bool IsDevice(string device) =>
        device.Equals("cpu", StringComparison.OrdinalIgnoreCase) || device.Equals("cuda", StringComparison.OrdinalIgnoreCase);

    private static LowRankToolsException Invalid(string message, string remedy) => new(CoreErrors.OptionInvalid, message, remedy);
}
