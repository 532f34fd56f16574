using System.Globalization;
using System.Security.Cryptography;
using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Engines.Installing;

/// <summary>
/// Brings the library of an engine, which is too large to come with the product (libtorch for TorchSharp, ONNX Runtime): from a package, or
/// by registering a folder. It lies in the user's data folder under its name only when it is whole.
/// </summary>
public sealed class InstallEngine
{
    private readonly InstallEngineOptions _options;
    private readonly EngineStore _store;
    private readonly EngineLibrary _library;

    /// <summary>Prepares an installation.</summary>
    /// <param name="options">What to install.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    public InstallEngine(InstallEngineOptions options)
        : this(options, EngineLibraries.Of(options.Engine))
    {
    }

    private InstallEngine(InstallEngineOptions options, EngineLibrary library)
        : this(options, EngineStore.OfUser(library.Folder), library)
    {
    }

    internal InstallEngine(InstallEngineOptions options, EngineStore store, EngineLibrary library)
    {
        options.Validate();
        (_options, _store, _library) = (options, store, library);
    }

    /// <summary>Name of the engine.</summary>
    public string Engine => _library.Engine;

    /// <summary>What would be done, with sizes, as the beginning of a sentence.</summary>
    /// <exception cref="LowRankToolsException">The errors of <see cref="Run"/> that can be foreseen.</exception>
    public string Describe()
    {
        if (_options.Folder is not null)
            return $"Register {_library.Title} in '{Named().Path}'";
        EnginePackage package = Package();
        return $"Download {package.Id} {_library.Version} (about {Size(package.DownloadBytes)}) and lay it out (about {Size(package.LaidOutBytes)}) in '{_store.LibraryPath}'";
    }

    /// <summary>Installs, or registers; what is there already and is the same stays.</summary>
    /// <param name="progress">Gets what the package client says, then bytes hashed.</param>
    /// <param name="cancellationToken">Stops it; nothing half-done is left.</param>
    /// <exception cref="LowRankToolsException">
    /// <c>OutputExists</c>: another one is installed. <c>EnginePackageNotFound</c>, <c>EngineInstallFailed</c>, <c>DiskFull</c>.
    /// <c>LibTorchNotFound</c>, <c>OnnxRuntimeNotFound</c>: the folder given holds none. <c>EngineUnavailable</c>: it does not fit.
    /// </exception>
    public EngineInstallation Run(IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        if (_options.Folder is not null)
            return Register(Named());
        string device = Device;
        EnginePackage package = Package();
        if (!_options.Force && Installed() is not null && _store.Record() is { } there)
        {
            return there.Package == package.Id && there.Version == _library.Version ? Installed(there) : throw new LowRankToolsException(CoreErrors.OutputExists,
                $"{there.Package ?? there.Path} is installed already.", "Use -Force to replace it.");
        }
        DotnetSdk sdk = DotnetSdk.Find() ?? throw DotnetSdk.Missing(_library);
        return Installed(_store.Replace((work, target) =>
        {
            CheckRoom(package);
            progress?.Report(new OperationProgress("Downloading", $"{package.Id} {_library.Version} (about {Size(package.DownloadBytes)})", 0, 0));
            string libraries = new PackageRestore(sdk, _library, package, _options.Sources).Run(work, said => progress?.Report(new OperationProgress("Downloading", said, 0, 0)), cancellationToken);
            List<EngineFile> files = [];
            foreach (string file in Directory.EnumerateFiles(libraries).Where(file => _library.IsNeeded(Path.GetFileName(file))).Order(StringComparer.Ordinal))
                File.Move(file, Path.Combine(target, Path.GetFileName(file)));
            FileInfo[] laidOut = new DirectoryInfo(target).GetFiles();
            foreach (FileInfo file in laidOut)
            {
                cancellationToken.ThrowIfCancellationRequested();
                progress?.Report(new OperationProgress("Hashing", file.Name, files.Sum(f => f.Bytes), laidOut.Sum(f => f.Length)));
                using FileStream stream = file.OpenRead();
                files.Add(new EngineFile(file.Name, file.Length, Convert.ToHexStringLower(SHA256.HashData(stream))));
            }
            if (_library.VersionFile is { } version)
                File.WriteAllText(Path.Combine(target, version), _library.Version + "\n");
            return new EngineRecord(_library.Version, device, package.Id, null, files);
        }));
    }

    private string Device => (_options.Device ?? "cpu").ToLowerInvariant();

    private EnginePackage Package() => _library.Package(Device) ?? throw new LowRankToolsException(CoreErrors.EngineUnavailable,
        $"There is no {_library.Title} for {Device} on {_library.Platform ?? System.Runtime.InteropServices.RuntimeInformation.RuntimeIdentifier}.", "Use the embedded engine, or -Device cpu.");

    private FoundLibrary Named() => _library.At(_options.Folder!) ?? throw new LowRankToolsException(_library.NotFound,
        $"'{_options.Folder}' holds no {_library.Title}: {string.Join(", ", _library.Required)}.", "Name the folder of the library, the one above it, or that of an installed Python package.");

    private FoundLibrary? Installed() => _store.Location() is { } path ? _library.At(path) : null;

    private EngineInstallation Register(FoundLibrary found)
    {
        if (_library.Misfit(found.Path) is { } problem)
            throw new LowRankToolsException(CoreErrors.EngineUnavailable, $"{problem.Reason}.", problem.Remedy, problem.Cause);
        if (!_options.Force && Installed() is not null && _store.Record() is { } there && there.Path != found.Path)
            throw new LowRankToolsException(CoreErrors.OutputExists, $"{there.Package ?? there.Path} is installed already.", "Use -Force to replace it.");
        return Installed(_store.Replace((_, _) => new EngineRecord(found.Version, found.Device, null, found.Path, [])));
    }

    private EngineInstallation Installed(EngineRecord record)
    {
        EngineProblem? problem = Installed() is { } found ? _library.Misfit(found.Path) : null;
        return EngineInstallation.Of(_library.Engine, record, _store, problem is null ? string.Empty : $"{problem.Reason}. {problem.Remedy}");
    }

    private void CheckRoom(EnginePackage package)
    {
        if (new DriveInfo(_store.Root).AvailableFreeSpace is var free && free < package.LaidOutBytes)
        {
            throw new LowRankToolsException(CoreErrors.DiskFull, $"'{_store.Root}' has {Size(free)} left, and {package.Id} takes about {Size(package.LaidOutBytes)}.",
                $"Free some room, or name another folder in the environment variable {EngineStore.Variable}.");
        }
    }

    private static string Size(long bytes) => bytes >= 1 << 30
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1 << 30):F0} GB")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1 << 20):F0} MB");
}
