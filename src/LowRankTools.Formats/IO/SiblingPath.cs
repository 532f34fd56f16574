namespace LowRankTools.Formats.IO;

/// <summary>
/// Resolves names of files that belong to a model file: those that it refers to, and companions with a name of their own.
/// Such a file must lie in the model's folder, where links in its path are followed to their end. The one exception is a
/// cache of Hugging Face, in which <c>snapshots/REVISION/NAME</c> is a link into <c>blobs</c> of the same repository.
/// </summary>
public static class SiblingPath
{
    private const string Copies = "A model's files lie in one folder: put a copy in the place of a link; do not use files from sources you do not trust.";

    private const string Snapshots = "snapshots", Blobs = "blobs";

    private static readonly string[] s_repositories = ["models--", "datasets--", "spaces--"];

    /// <summary>Full path of a file that <paramref name="owner"/> refers to by a relative name.</summary>
    /// <param name="owner">Full path of the model file.</param>
    /// <param name="name">The name that stands in it.</param>
    /// <exception cref="ModelFormatException"><c>ReferencedFileOutside</c>: the name is rooted or climbs out of the folder, or a link
    /// leads out of it; <c>ReferencedFileMissing</c>: there is no such file; <c>NotARegularFile</c>: it is none.</exception>
    public static string Resolve(string owner, string name) => Find(owner, name) ??
        throw new ModelFormatException(FormatErrors.ReferencedFileMissing, $"It refers to '{name}', which is not beside it.", owner,
            remedy: "Put all files of the model in one folder.");

    /// <summary>Full path of a companion in a model's folder; null where there is none.</summary>
    /// <param name="folder">Full path of the folder.</param>
    /// <param name="name">Name of the companion, such as <c>config.json</c>.</param>
    /// <exception cref="ModelFormatException"><c>ReferencedFileOutside</c>: it is a link that leads out of the folder;
    /// <c>NotARegularFile</c>: it is none.</exception>
    public static string? Companion(string folder, string name)
    {
        string full = Path.Combine(folder, name);
        if (RegularFile.IsSomethingElse(full, out string kind))
            throw new ModelFormatException(FormatErrors.NotARegularFile, $"This is {kind} and no regular file.", full);
        if (!RegularFile.Exists(full))
            return null;
        return Belongs(full, folder) ? full
            : throw new ModelFormatException(FormatErrors.ReferencedFileOutside, "This is a link that leads out of the model's folder.", full, remedy: Copies);
    }

    private static string? Find(string owner, string name)
    {
        string folder = Path.GetDirectoryName(owner)!;
        if (name.Length == 0 || name.Contains('\0', StringComparison.Ordinal) || Path.IsPathRooted(name) || name.Split('/', '\\').Contains(".."))
            throw Outside(owner, name);
        string full = Path.GetFullPath(name, folder);
        if (!IsInside(full, folder))
            throw Outside(owner, name);
        if (RegularFile.IsSomethingElse(full, out string kind))
            throw new ModelFormatException(FormatErrors.NotARegularFile, $"It refers to '{name}', which is {kind} and no regular file.", owner);
        if (!RegularFile.Exists(full))
            return null;
        return Belongs(full, folder) ? full : throw Outside(owner, name);
    }

    private static bool Belongs(string full, string folder)
    {
        string real = RealPath.Of(full), realFolder = RealPath.Of(folder);
        return IsInside(real, realFolder) || IsInCache(real, realFolder);
    }

    private static bool IsInside(string full, string folder) =>
        full.StartsWith(folder.EndsWith(Path.DirectorySeparatorChar) ? folder : folder + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    /// <summary>Whether the folder is a snapshot of a repository, or a part of one, and the file one of that repository's blobs.</summary>
    private static bool IsInCache(string real, string folder)
    {
        string? blobs = Path.GetDirectoryName(real);
        if (blobs is null || Path.GetFileName(blobs) != Blobs || Path.GetDirectoryName(blobs) is not { } repository)
            return false;
        return s_repositories.Any(kind => Path.GetFileName(repository).StartsWith(kind, StringComparison.Ordinal))
            && IsInside(folder, Path.Combine(repository, Snapshots));
    }

    private static ModelFormatException Outside(string owner, string name) =>
        new(FormatErrors.ReferencedFileOutside, $"It refers to '{name}', which leads out of its folder.", owner, remedy: Copies);
}
