using System.Text.RegularExpressions;

namespace LowRankTools.Core.Engines.LibTorch;

/// <summary>A folder that holds libtorch.</summary>
/// <param name="Path">Full path of the folder with the libraries.</param>
/// <param name="Origin">How it was found, for people.</param>
internal sealed partial record LibTorchFolder(string Path, string Origin)
{
    /// <summary>File beside the libraries, or above them, that holds their version; libtorch's own archives have it.</summary>
    public const string VersionFile = "build-version";

    private const int MaxVersionBytes = 64 << 10;

    /// <summary>Whether it is a build for CUDA.</summary>
    public bool HasCuda => File.Exists(System.IO.Path.Combine(Path, LibTorchNames.Cuda));

    /// <summary>Version without its build, such as <c>2.10.0</c>; null where nothing tells.</summary>
    public string? Version { get; } = VersionOf(Path);

    /// <summary>The libraries that have to be loaded, in order.</summary>
    public IEnumerable<string> Files =>
        LibTorchNames.Required.SkipLast(1).Append(LibTorchNames.Cuda).Append(LibTorchNames.Required[^1])
            .Select(name => System.IO.Path.Combine(Path, name)).Where(File.Exists);

    /// <summary>The folder that a path means: itself, <c>lib</c> in it, an installed PyTorch, or a package.</summary>
    /// <param name="path">A folder.</param>
    /// <param name="origin">How it was found.</param>
    /// <returns>Null where no libtorch lies.</returns>
    public static LibTorchFolder? At(string path, string origin)
    {
        string[] places = ["", "lib", "torch/lib", $"runtimes/{LibTorchNames.Platform}/native"];
        string? found = places.Select(place => System.IO.Path.GetFullPath(System.IO.Path.Combine(path, place)))
            .FirstOrDefault(folder => LibTorchNames.Required.All(name => File.Exists(System.IO.Path.Combine(folder, name))));
        return found is null ? null : new LibTorchFolder(System.IO.Path.TrimEndingDirectorySeparator(found), origin);
    }

    private static string? VersionOf(string path)
    {
        string parent = System.IO.Path.GetDirectoryName(path) ?? path;
        return FirstVersion(System.IO.Path.Combine(path, VersionFile), AnyVersion())
            ?? FirstVersion(System.IO.Path.Combine(parent, VersionFile), AnyVersion())
            ?? FirstVersion(System.IO.Path.Combine(parent, "version.py"), PythonVersion())
            ?? (PackageVersion().Match(path.Replace('\\', '/')) is { Success: true } package ? package.Groups[1].Value : null);
    }

    private static string? FirstVersion(string file, Regex pattern)
    {
        try
        {
            if (new FileInfo(file) is not { Exists: true, Length: <= MaxVersionBytes })
                return null;
            return pattern.Match(File.ReadAllText(file)) is { Success: true } match ? match.Groups[1].Value : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    [GeneratedRegex(@"^\s*([0-9]+\.[0-9]+\.[0-9]+)")]
    private static partial Regex AnyVersion();

    [GeneratedRegex(@"__version__\s*=\s*['""]([0-9]+\.[0-9]+\.[0-9]+)")]
    private static partial Regex PythonVersion();

    [GeneratedRegex(@"/libtorch-[^/]+/([0-9]+\.[0-9]+\.[0-9]+)(?:\.[0-9]+)?/runtimes/[^/]+/native$", RegexOptions.IgnoreCase)]
    private static partial Regex PackageVersion();
}
