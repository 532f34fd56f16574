using System.Globalization;
using System.Security.Cryptography;
using LowRankTools.Numerics;

namespace LowRankTools.Core;

/// <summary>
/// Brings libtorch, which the engine TorchSharp computes with and which is too large to come with the product: from a package, or by
/// registering a folder. It lies in the user's data folder under its name only when it is whole.
/// </summary>
public sealed class InstallEngine
{
    private readonly InstallEngineOptions _options;
    private readonly EngineStore _store;
    private readonly EnginePlugin _plugin;

    /// <summary>Prepares an installation.</summary>
    /// <param name="options">What to install.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    public InstallEngine(InstallEngineOptions options)
        : this(options, EngineStore.OfUser(), EnginePlugin.TorchSharp)
    {
    }

    internal InstallEngine(InstallEngineOptions options, EngineStore store, EnginePlugin plugin)
    {
        options.Validate();
        (_options, _store, _plugin) = (options, store, plugin);
    }

    /// <summary>What would be done, with sizes, as the beginning of a sentence.</summary>
    /// <exception cref="LowRankToolsException">The errors of <see cref="Run"/> that can be foreseen.</exception>
    public string Describe()
    {
        if (_options.LibTorch is not null)
            return $"Register libtorch in '{Named().Path}'";
        EnginePackage package = Package();
        return $"Download {package.Id} {LibTorch.Version} (about {Size(package.DownloadBytes)}) and lay it out (about {Size(package.LaidOutBytes)}) in '{_store.LibTorchPath}'";
    }

    /// <summary>Installs, or registers; what is there already and is the same stays.</summary>
    /// <param name="progress">Gets what the package client says, then bytes hashed.</param>
    /// <param name="cancellationToken">Stops it; nothing half-done is left.</param>
    /// <exception cref="LowRankToolsException">
    /// <c>OutputExists</c>: another one is installed. <c>EnginePackageNotFound</c>, <c>EngineInstallFailed</c>, <c>DiskFull</c>.
    /// <c>LibTorchNotFound</c>: the folder given holds none. <c>EngineUnavailable</c>: it does not fit.
    /// </exception>
    public EngineInstallation Run(IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        if (_options.LibTorch is not null)
            return Register(Named());
        string device = Device;
        EnginePackage package = Package();
        if (!_options.Force && _store.Folder() is not null && _store.Record() is { } there)
        {
            return there.Package == package.Id && there.Version == LibTorch.Version ? Installed(there) : throw new LowRankToolsException(CoreErrors.OutputExists,
                $"{there.Package ?? there.Path} is installed already.", "Use -Force to replace it.");
        }
        DotnetSdk sdk = DotnetSdk.Find() ?? throw DotnetSdk.Missing();
        return Installed(_store.Replace((work, target) =>
        {
            CheckRoom(package);
            progress?.Report(new OperationProgress("Downloading", $"{package.Id} {LibTorch.Version} (about {Size(package.DownloadBytes)})", 0, 0));
            string libraries = new PackageRestore(sdk, package, _options.Sources).Run(work, said => progress?.Report(new OperationProgress("Downloading", said, 0, 0)), cancellationToken);
            List<EngineFile> files = [];
            foreach (string file in Directory.EnumerateFiles(libraries).Where(IsNeeded).Order(StringComparer.Ordinal))
                File.Move(file, Path.Combine(target, Path.GetFileName(file)));
            FileInfo[] laidOut = new DirectoryInfo(target).GetFiles();
            foreach (FileInfo file in laidOut)
            {
                cancellationToken.ThrowIfCancellationRequested();
                progress?.Report(new OperationProgress("Hashing", file.Name, files.Sum(f => f.Bytes), laidOut.Sum(f => f.Length)));
                using FileStream stream = file.OpenRead();
                files.Add(new EngineFile(file.Name, file.Length, Convert.ToHexStringLower(SHA256.HashData(stream))));
            }
            File.WriteAllText(Path.Combine(target, LibTorchFolder.VersionFile), LibTorch.Version + "\n");
            return new EngineRecord(LibTorch.Version, device, package.Id, null, files);
        }));
    }

    private string Device => (_options.Device ?? "cpu").ToLowerInvariant();

    private EnginePackage Package() => EnginePackage.For(Device, LibTorch.Platform) ?? throw new LowRankToolsException(CoreErrors.EngineUnavailable,
        $"There is no libtorch for {Device} on {LibTorch.Platform ?? System.Runtime.InteropServices.RuntimeInformation.RuntimeIdentifier}.", "Use the embedded engine.");

    private LibTorchFolder Named() => LibTorchFolder.At(_options.LibTorch!, "-LibTorch") ?? throw new LowRankToolsException(CoreErrors.LibTorchNotFound,
        $"'{_options.LibTorch}' holds no libtorch: {string.Join(", ", LibTorch.Required)}.", "Name the folder of these libraries, the one above it, or an installed PyTorch.");

    private EngineInstallation Register(LibTorchFolder folder)
    {
        if (_plugin.Misfit(folder) is { } problem)
            throw new LowRankToolsException(CoreErrors.EngineUnavailable, $"{problem.Reason}.", problem.Remedy, problem.Cause);
        if (!_options.Force && _store.Folder() is not null && _store.Record() is { } there && there.Path != folder.Path)
            throw new LowRankToolsException(CoreErrors.OutputExists, $"{there.Package ?? there.Path} is installed already.", "Use -Force to replace it.");
        return Installed(_store.Replace((_, _) => new EngineRecord(folder.Version, folder.HasCuda ? "cuda" : "cpu", null, folder.Path, [])));
    }

    private EngineInstallation Installed(EngineRecord record)
    {
        EngineProblem? problem = _store.Folder() is { } folder ? _plugin.Misfit(folder) : null;
        return EngineInstallation.Of(record, _store, problem is null ? string.Empty : $"{problem.Reason}. {problem.Remedy}");
    }

    private void CheckRoom(EnginePackage package)
    {
        if (new DriveInfo(_store.Root).AvailableFreeSpace is var free && free < package.LaidOutBytes)
        {
            throw new LowRankToolsException(CoreErrors.DiskFull, $"'{_store.Root}' has {Size(free)} left, and {package.Id} takes about {Size(package.LaidOutBytes)}.",
                $"Free some room, or name another folder in the environment variable {EngineStore.Variable}.");
        }
    }

    // PyTorch's bridge to Python and its tests are of no use here.
    private static bool IsNeeded(string file) => Path.GetFileName(file) is { } name
        && !name.Contains("python", StringComparison.OrdinalIgnoreCase) && !name.Contains("test", StringComparison.OrdinalIgnoreCase);

    private static string Size(long bytes) => bytes >= 1 << 30
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1 << 30):F0} GB")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1 << 20):F0} MB");
}
