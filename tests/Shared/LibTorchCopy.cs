using System.Reflection;

namespace LowRankTools.Tests;

/// <summary>The libtorch that the build has laid out for tests.</summary>
internal static class LibTorchCopy
{
    /// <summary>Environment variable by which the product is told of it.</summary>
    public const string Variable = "LIBTORCH";

    /// <summary>Full path of its folder.</summary>
    public static string Folder { get; } = typeof(LibTorchCopy).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "LibTorch").Value!;
}
