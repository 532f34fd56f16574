using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Core.Engines.LibTorch;

namespace LowRankTools.Core.Engines.OnnxRuntime;

/// <summary>ONNX Runtime, which runs graphs of ONNX: its one library, as packages, archives and installed Pythons have it.</summary>
internal sealed class OnnxRuntimeFiles : EngineLibrary
{
    /// <summary>Name to install it by.</summary>
    public const string EngineName = "OnnxRuntime";

    /// <summary>Environment variable that names a folder with it, or the library itself.</summary>
    public const string Variable = "ONNXRUNTIME";

    private const long Mega = 1 << 20;

    /// <summary>Its library without a version; a version may follow (<c>libonnxruntime.so.1</c>).</summary>
    public static string FileName { get; } = LibTorchNames.FileName("onnxruntime");

    /// <inheritdoc/>
    public override string Engine => EngineName;

    /// <inheritdoc/>
    public override string Title => "ONNX Runtime";

    /// <inheritdoc/>
    public override string Folder => "onnxruntime";

    /// <inheritdoc/>
    public override string Version => "1.31.1";

    /// <inheritdoc/>
    public override string? Platform => EnginePlatform.Current is "linux-x64" or "linux-arm64" or "win-x64" or "win-arm64" or "osx-arm64" ? EnginePlatform.Current : null;

    /// <inheritdoc/>
    public override string Parameter => "-OnnxRuntime";

    /// <inheritdoc/>
    public override string NotFound => CoreErrors.OnnxRuntimeNotFound;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Required => [FileName];

    /// <inheritdoc/>
    public override EnginePackage? Package(string device) => device == "cpu" && Platform is not null ? new EnginePackage("Microsoft.ML.OnnxRuntime", 155 * Mega, 30 * Mega) : null;

    /// <inheritdoc/>
    public override FoundLibrary? At(string path) => Library(path) is { } file ? new FoundLibrary(Path.GetDirectoryName(file)!, null, "cpu") : null;

    /// <inheritdoc/>
    public override EngineProblem? Misfit(string path)
    {
        OnnxRuntimeLibrary.At(Library(path)!, out EngineProblem? problem);
        return problem;
    }

    // The package has import libraries for C++ beside the one that is loaded.
    /// <inheritdoc/>
    public override bool IsNeeded(string name) => IsLibrary(name);

    /// <summary>Full path of the library that a path means: itself, in the folder, in <c>lib</c> of an archive, in an installed Python package, or in a package of NuGet or npm.</summary>
    /// <param name="path">A folder, or the library.</param>
    /// <returns>Null where there is none.</returns>
    public static string? Library(string path)
    {
        if (File.Exists(path))
            return IsLibrary(Path.GetFileName(path)) ? Path.GetFullPath(path) : null;
        string[] places = ["", "lib", "onnxruntime/capi", "capi", $"runtimes/{EnginePlatform.Current}/native", $"bin/napi-v6/{EnginePlatform.Current.Replace('-', '/')}"];
        return places.Select(place => Path.GetFullPath(Path.Combine(path, place))).Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFiles(folder).Where(file => IsLibrary(Path.GetFileName(file))).Order(StringComparer.Ordinal)).FirstOrDefault();
    }

    // libonnxruntime.1.31.1.dylib, libonnxruntime.so.1: versions stand before the extension or behind it.
    private static bool IsLibrary(string name)
    {
        string stem = Path.GetFileNameWithoutExtension(FileName), rest = name.StartsWith(stem, StringComparison.Ordinal) ? name[stem.Length..] : "none";
        return rest.Contains(Path.GetExtension(FileName), StringComparison.Ordinal) && rest.Replace(Path.GetExtension(FileName), "", StringComparison.Ordinal).All(c => c == '.' || char.IsAsciiDigit(c));
    }
}
