using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Core.Engines.LibTorch;

namespace LowRankTools.Core.Engines.Installing;

/// <summary>libtorch, which the engine TorchSharp computes with.</summary>
/// <param name="plugin">The engine.</param>
internal sealed class LibTorchLibrary(EnginePlugin plugin) : EngineLibrary
{
    /// <inheritdoc/>
    public override string Engine => nameof(EngineKind.TorchSharp);

    /// <inheritdoc/>
    public override string Title => "libtorch";

    /// <inheritdoc/>
    public override string Folder => EngineStore.LibTorchFolderName;

    /// <inheritdoc/>
    public override string Version => LibTorchNames.Version;

    /// <inheritdoc/>
    public override string? Platform => LibTorchNames.Platform;

    /// <inheritdoc/>
    public override string Parameter => "-LibTorch";

    /// <inheritdoc/>
    public override string NotFound => CoreErrors.LibTorchNotFound;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Required => LibTorchNames.Required;

    /// <inheritdoc/>
    public override string? VersionFile => LibTorchFolder.VersionFile;

    /// <inheritdoc/>
    public override EnginePackage? Package(string device) => EnginePackage.For(device, Platform);

    /// <inheritdoc/>
    public override FoundLibrary? At(string path) => LibTorchFolder.At(path, Parameter) is { } found ? new FoundLibrary(found.Path, found.Version, found.HasCuda ? "cuda" : "cpu") : null;

    /// <inheritdoc/>
    public override EngineProblem? Misfit(string path) => LibTorchFolder.At(path, Parameter) is { } found ? plugin.Misfit(found) : null;

    // PyTorch's bridge to Python and its tests are of no use here.
    /// <inheritdoc/>
    public override bool IsNeeded(string name) => !name.Contains("python", StringComparison.OrdinalIgnoreCase) && !name.Contains("test", StringComparison.OrdinalIgnoreCase);
}
