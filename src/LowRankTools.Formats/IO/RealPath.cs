namespace LowRankTools.Formats.IO;

/// <summary>Paths without links.</summary>
public static class RealPath
{
    /// <summary>As many links as a kernel follows before it calls them a circle.</summary>
    private const int MostLinks = 40;

    /// <summary>
    /// The full path with every link in it resolved, those of parent folders too. What does not exist, and what cannot be
    /// looked at, stays as it is spelled.
    /// </summary>
    /// <param name="path">Any path.</param>
    public static string Of(string path) => Of(Path.GetFullPath(path), MostLinks);

    private static string Of(string full, int links)
    {
        if (Path.GetDirectoryName(full) is not { } parent)
            return full;
        string plain = Path.Combine(Of(parent, links), Path.GetFileName(full));
        if (links == 0 || Target(plain) is not { } target)
            return plain;
        return Of(Path.GetFullPath(target, Path.GetDirectoryName(plain)!), links - 1);
    }

    private static string? Target(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
