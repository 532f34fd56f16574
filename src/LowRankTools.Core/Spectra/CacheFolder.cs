namespace LowRankTools.Core.Spectra;

/// <summary>Where computed spectra are kept between runs, and how much of them.</summary>
/// <param name="path">Full path of the folder; made when something is written.</param>
/// <param name="maxBytes">Size above which what was used longest ago is deleted.</param>
internal sealed class CacheFolder(string path, long maxBytes = CacheFolder.DefaultBytes)
{
    /// <summary>Environment variable that names another folder.</summary>
    public const string Variable = "LOWRANK_CACHE";

    private const long DefaultBytes = 512L << 20;
    private const string Extension = ".lowrank-cache";
    private static readonly TimeSpan s_stampAge = TimeSpan.FromHours(1);

    private bool _wrote;

    /// <summary>The user's: LOWRANK_CACHE, or <c>lowrank</c> in the system's place for caches; null where there is none.</summary>
    public static CacheFolder? OfUser()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } chosen)
            return new CacheFolder(Path.GetFullPath(chosen));
        string? root = OperatingSystem.IsWindows() ? Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData)
            : Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache && Path.IsPathRooted(cache) ? cache
            : Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) is { Length: > 0 } home
                ? Path.Combine(home, OperatingSystem.IsMacOS() ? "Library/Caches" : ".cache")
            : null;
        return string.IsNullOrEmpty(root) ? null : new CacheFolder(Path.Combine(root, "lowrank"));
    }

    /// <summary>The content kept under a name; null where there is none, or it is damaged.</summary>
    public byte[]? Read(string name)
    {
        string file = Path.Combine(path, name + Extension);
        byte[]? content = CacheFile.TryRead(file);
        if (content is not null)
            Stamp(file);
        return content;
    }

    /// <summary>Keeps a content.</summary>
    public void Write(string name, ReadOnlySpan<byte> content)
    {
        try
        {
            if (!OperatingSystem.IsWindows())
                Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            else
                Directory.CreateDirectory(path);
            _wrote |= CacheFile.TryWrite(Path.Combine(path, name + Extension), content);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A cache that cannot be written makes nothing wrong, only the next run slower.
        }
    }

    /// <summary>Deletes what was used longest ago until the rest is well within the size; does nothing in a run that wrote nothing.</summary>
    public void Trim()
    {
        if (!_wrote)
            return;
        _wrote = false;
        try
        {
            // Whatever else lies in a folder that the user chose is not ours.
            FileInfo[] files = [.. new DirectoryInfo(path).EnumerateFiles($"*{Extension}*").OrderBy(f => f.LastWriteTimeUtc)];
            foreach (FileInfo left in files.Where(f => f.Extension == CacheFile.TemporaryExtension && DateTime.UtcNow - f.LastWriteTimeUtc > s_stampAge))
                CacheFile.TryDelete(left.FullName);
            long bytes = files.Sum(f => f.Length);
            if (bytes <= maxBytes)
                return;
            foreach (FileInfo oldest in files.Where(f => f.Extension == Extension).TakeWhile(_ => bytes > maxBytes / 4 * 3))
            {
                bytes -= oldest.Length;
                CacheFile.TryDelete(oldest.FullName);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Files that another process deletes meanwhile: it is trimming too.
        }
    }

    /// <summary>The time of writing is the time of use, to the hour: a write for every read would cost more than the read.</summary>
    private static void Stamp(string file)
    {
        try
        {
            if (DateTime.UtcNow - File.GetLastWriteTimeUtc(file) > s_stampAge)
                File.SetLastWriteTimeUtc(file, DateTime.UtcNow);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Trimmed since it was read.
        }
    }
}
