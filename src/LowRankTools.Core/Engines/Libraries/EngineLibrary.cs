namespace LowRankTools.Core.Engines.Libraries;

/// <summary>A native library that is too large to come with the product: what it is called, where it is known to lie, and what brings it.</summary>
internal abstract class EngineLibrary
{
    /// <summary>Name of the engine that it makes available.</summary>
    public abstract string Engine { get; }

    /// <summary>Its own name, for people.</summary>
    public abstract string Title { get; }

    /// <summary>Name of its folder among the engines of a user.</summary>
    public abstract string Folder { get; }

    /// <summary>Version that is brought.</summary>
    public abstract string Version { get; }

    /// <summary>System and processor as its packages name them; null where there is none for them.</summary>
    public abstract string? Platform { get; }

    /// <summary>Parameter that names a folder with it.</summary>
    public abstract string Parameter { get; }

    /// <summary>Id of the error that a folder holds none.</summary>
    public abstract string NotFound { get; }

    /// <summary>Files that have to lie in its folder.</summary>
    public abstract IReadOnlyList<string> Required { get; }

    /// <summary>File beside the libraries that holds their version; null where they tell it themselves.</summary>
    public virtual string? VersionFile => null;

    /// <summary>The package for a device; null where there is none.</summary>
    /// <param name="device"><c>cpu</c> or <c>cuda</c>.</param>
    public abstract EnginePackage? Package(string device);

    /// <summary>What lies in a folder; null where the library does not.</summary>
    /// <param name="path">The folder of the libraries, or one of those around it that are known.</param>
    public abstract FoundLibrary? At(string path);

    /// <summary>Why a library that was found cannot run here; null where it can.</summary>
    /// <param name="path">Full path of the folder of the libraries.</param>
    public abstract EngineProblem? Misfit(string path);

    /// <summary>Whether a file of the package is of use here.</summary>
    /// <param name="name">Name of the file.</param>
    public virtual bool IsNeeded(string name) => true;
}

/// <summary>A native library on disk.</summary>
/// <param name="Path">Full path of its folder.</param>
/// <param name="Version">Its version; null where nothing tells.</param>
/// <param name="Device">What it is built for: <c>cpu</c> or <c>cuda</c>.</param>
internal sealed record FoundLibrary(string Path, string? Version, string Device);
