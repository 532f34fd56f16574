using System.Diagnostics.CodeAnalysis;

namespace LowRankTools.Core.Engines;

/// <summary>Where the product lies on disk, and with it the folders of what is loaded only when it is asked for.</summary>
internal static class ProductFolder
{
    /// <summary>Folder of this assembly; that of the program where it is one file and has no assembly on disk.</summary>
    [UnconditionalSuppressMessage("SingleFile", "IL3000", Justification = "An empty answer is expected.")]
    public static string Path => System.IO.Path.GetDirectoryName(typeof(ProductFolder).Assembly.Location) is { Length: > 0 } beside ? beside : AppContext.BaseDirectory;
}
