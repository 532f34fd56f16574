using System.Runtime.InteropServices;
using LowRankTools.Core.Engines.Libraries;

namespace LowRankTools.Core.Engines.LibTorch;

/// <summary>The native library of PyTorch as TorchSharp needs it: versions, and how its files are called here.</summary>
internal static class LibTorchNames
{
    /// <summary>Version of TorchSharp that comes with the product.</summary>
    public const string TorchSharpVersion = "0.107.0";

    /// <summary>The one version of libtorch that it was built for.</summary>
    public const string Version = "2.10.0";

    /// <summary>Name of TorchSharp's own native library, which comes with the product.</summary>
    public const string Wrapper = "LibTorchSharp";

    /// <summary>System and processor as packages name them, such as <c>linux-x64</c>; null where TorchSharp has nothing for them.</summary>
    public static string? Platform { get; } = PlatformOf(RuntimeInformation.RuntimeIdentifier, RuntimeInformation.ProcessArchitecture);

    /// <summary>Names of the libraries that have to lie in a folder of libtorch, in the order of loading.</summary>
    public static IReadOnlyList<string> Required { get; } = [FileName("c10"), FileName("torch_cpu"), FileName("torch")];

    /// <summary>Name of the library that only builds for CUDA have.</summary>
    public static string Cuda => FileName("torch_cuda");

    /// <summary>File of a library.</summary>
    /// <param name="name">Its name without prefix and extension.</param>
    public static string FileName(string name) =>
        OperatingSystem.IsWindows() ? name + ".dll"
        : OperatingSystem.IsMacOS() ? $"lib{name}.dylib"
        : $"lib{name}.so";

    /// <summary>Whether this machine has a driver for CUDA; nothing is loaded to tell.</summary>
    public static bool HasCudaDriver => OperatingSystem.IsWindows()
        ? File.Exists(Path.Combine(Environment.SystemDirectory, "nvcuda.dll"))
        : File.Exists("/proc/driver/nvidia/version");

    internal static string? PlatformOf(string runtimeIdentifier, Architecture processor) =>
        EnginePlatform.Of(runtimeIdentifier, processor) is "linux-x64" or "win-x64" or "win-arm64" or "osx-arm64" ? EnginePlatform.Of(runtimeIdentifier, processor) : null;
}
