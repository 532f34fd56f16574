namespace LowRankTools.Formats;

/// <summary>Resolves file names that stand inside a model file; they must stay inside its folder.</summary>
internal static class SiblingPath
{
    /// <summary>Full path of a file that <paramref name="owner"/> refers to by a relative name.</summary>
    /// <exception cref="ModelFormatException"><c>ReferencedFileOutside</c>: the name is rooted or climbs out of the folder;
    /// <c>ReferencedFileMissing</c>: there is no such file.</exception>
    public static string Resolve(string owner, string name)
    {
        string folder = Path.GetDirectoryName(owner)!;
        if (name.Length == 0 || name.Contains('\0', StringComparison.Ordinal) || Path.IsPathRooted(name) || name.Split('/', '\\').Contains(".."))
            throw Outside(owner, name);
        string full = Path.GetFullPath(name, folder);
        if (!IsInside(full, folder))
            throw Outside(owner, name);
        FileInfo info = new(full);
        if (!info.Exists)
        {
            throw new ModelFormatException(FormatErrors.ReferencedFileMissing, $"It refers to '{name}', which is not beside it.", owner,
                remedy: "Put all files of the model in one folder.");
        }
        return full;
    }

    private static bool IsInside(string full, string folder) =>
        full.StartsWith(folder.EndsWith(Path.DirectorySeparatorChar) ? folder : folder + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    private static ModelFormatException Outside(string owner, string name) =>
        new(FormatErrors.ReferencedFileOutside, $"It refers to '{name}', which leads out of its folder.", owner,
            remedy: "A model's files lie in one folder; do not use files from sources you do not trust.");
}
