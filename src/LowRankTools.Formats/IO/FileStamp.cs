namespace LowRankTools.Formats.IO;

/// <summary>What a file is known by at one moment: another identity, length or time of writing means other bytes.</summary>
/// <param name="Identity">Which file it is.</param>
/// <param name="Length">Bytes.</param>
/// <param name="LastWrite">Coordinated universal time of the last change.</param>
public readonly record struct FileStamp(FileIdentity Identity, long Length, DateTime LastWrite)
{
    /// <summary>The stamp of a file, links followed; null where there is none.</summary>
    /// <param name="path">Any path.</param>
    /// <exception cref="UnauthorizedAccessException">The file may not be looked at.</exception>
    public static FileStamp? Of(string path)
    {
        if (FileIdentity.Of(path) is not { } identity)
            return null;
        FileInfo file = new(path);
        FileInfo target = file.LinkTarget is null ? file : (FileInfo)file.ResolveLinkTarget(returnFinalTarget: true)!;
        return target.Exists ? new FileStamp(identity, target.Length, target.LastWriteTimeUtc) : null;
    }

    /// <summary>The stamp as one word.</summary>
    public override string ToString() => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Identity.Key}/{Length}/{LastWrite.Ticks}");
}
