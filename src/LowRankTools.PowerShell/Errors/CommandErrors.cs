namespace LowRankTools.PowerShell.Errors;

/// <summary>Ids of what can go wrong in a cmdlet itself. Stable: scripts test for them.</summary>
public static class CommandErrors
{
    /// <summary>The path is not on a file system: a registry key, a variable.</summary>
    public const string PathNotFileSystem = nameof(PathNotFileSystem);
    /// <summary>The path is malformed, or its wildcard pattern is.</summary>
    public const string PathInvalid = nameof(PathInvalid);
    /// <summary>The file may not be opened.</summary>
    public const string FileAccessDenied = nameof(FileAccessDenied);
    /// <summary>The file system failed while a file was read.</summary>
    public const string FileReadFailed = nameof(FileReadFailed);
    /// <summary>The reference of a comparison is several models.</summary>
    public const string ReferenceAmbiguous = nameof(ReferenceAmbiguous);
    /// <summary>No engine has the name.</summary>
    public const string EngineNotFound = nameof(EngineNotFound);
    /// <summary>The layer does not fit into memory.</summary>
    public const string OutOfMemory = nameof(OutOfMemory);
}
