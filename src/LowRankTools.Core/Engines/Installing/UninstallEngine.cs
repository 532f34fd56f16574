using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Engines.Installing;

/// <summary>Removes the library of an engine that was installed; one that was only registered stays where it lies.</summary>
public sealed class UninstallEngine
{
    private readonly EngineLibrary _library;
    private readonly EngineStore _store;

    /// <summary>Prepares the removal.</summary>
    /// <param name="engine">The engine: <c>TorchSharp</c> or <c>OnnxRuntime</c>.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    public UninstallEngine(string engine = nameof(EngineKind.TorchSharp))
    {
        _library = EngineLibraries.Of(engine);
        _store = EngineStore.OfUser(_library.Folder);
    }

    internal UninstallEngine(EngineLibrary library, EngineStore store) => (_library, _store) = (library, store);

    /// <summary>Name of the library, for people.</summary>
    public string Title => _library.Title;

    /// <summary>What is installed.</summary>
    /// <exception cref="LowRankToolsException"><c>EngineNotInstalled</c>.</exception>
    public EngineInstallation Find() => Directory.Exists(_store.LibraryPath)
        ? EngineInstallation.Of(_library.Engine, _store.Record() ?? new EngineRecord(null, "cpu", null, null, []), _store)
        : throw new LowRankToolsException(CoreErrors.EngineNotInstalled, $"No {_library.Title} is installed in '{_store.Root}'.", "Install-LowRankEngine installs one.");

    /// <summary>Removes it. A process that has loaded it goes on.</summary>
    /// <returns>What was installed.</returns>
    /// <exception cref="LowRankToolsException"><c>EngineNotInstalled</c>.</exception>
    /// <exception cref="IOException">A process holds it.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be deleted, or a process holds it.</exception>
    public EngineInstallation Run()
    {
        EngineInstallation found = Find();
        _store.Remove();
        return found;
    }
}
