using LowRankTools.Numerics;

namespace LowRankTools.Core;

/// <summary>Removes the libtorch that was installed; one that was only registered stays where it lies.</summary>
public sealed class UninstallEngine
{
    private readonly EngineStore _store;

    /// <summary>Prepares the removal.</summary>
    public UninstallEngine()
        : this(EngineStore.OfUser())
    {
    }

    internal UninstallEngine(EngineStore store) => _store = store;

    /// <summary>What is installed.</summary>
    /// <exception cref="LowRankToolsException"><c>EngineNotInstalled</c>.</exception>
    public EngineInstallation Find() => Directory.Exists(_store.LibTorchPath)
        ? EngineInstallation.Of(_store.Record() ?? new EngineRecord(null, "cpu", null, null, []), _store)
        : throw new LowRankToolsException(CoreErrors.EngineNotInstalled, $"No libtorch is installed in '{_store.Root}'.", "Install-LowRankEngine installs one.");

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
