using System.Text.RegularExpressions;

namespace LowRankTools.Formats.Writing;

/// <summary>
/// Where one output is written: its disk, and the key that its lock (<c>.key.lock</c>) and its temporary files
/// (<c>.key.random.tmp</c>) are called after. Whoever holds the lock owns all temporary files of the key.
/// </summary>
/// <param name="Disk">What carries the operations out.</param>
/// <param name="Key">Start of the names; a file name.</param>
public sealed partial record OutputPlace(OutputDisk Disk, string Key)
{
    private const string LockEnding = ".lock";

    /// <summary>Name of the key's lock.</summary>
    public string LockName => $".{Key}{LockEnding}";

    /// <summary>A new name for a temporary file of a key.</summary>
    public static string TemporaryName(string key) => $".{key}.{Path.GetRandomFileName()}.tmp";

    /// <summary>The key that a file name is the lock of; null for other names.</summary>
    public static string? KeyOfLock(string name) =>
        name.Length > LockEnding.Length + 1 && name[0] == '.' && name.EndsWith(LockEnding, StringComparison.Ordinal) ? name[1..^LockEnding.Length] : null;

    /// <summary>Whether a file name is that of a temporary file of a key.</summary>
    public static bool IsTemporary(string name, string key) =>
        name.StartsWith($".{key}.", StringComparison.Ordinal) && RandomPart().IsMatch(name.AsSpan(key.Length + 2));

    [GeneratedRegex(@"\A[a-z0-9]{8}\.[a-z0-9]{3}\.tmp\z", RegexOptions.CultureInvariant)]
    private static partial Regex RandomPart();
}
