namespace LowRankTools.Formats;

/// <summary>Ids of everything that can be wrong with a model file. Stable: scripts test for them.</summary>
public static class FormatErrors
{
    /// <summary>The bytes are of no format that is read here.</summary>
    public const string UnknownFormat = nameof(UnknownFormat);
    /// <summary>The file ends before its header does.</summary>
    public const string HeaderTruncated = nameof(HeaderTruncated);
    /// <summary>The header claims to be longer than is sane.</summary>
    public const string HeaderTooLarge = nameof(HeaderTooLarge);
    /// <summary>The header does not follow its format.</summary>
    public const string HeaderInvalid = nameof(HeaderInvalid);
    /// <summary>The format's version is not read here.</summary>
    public const string VersionUnsupported = nameof(VersionUnsupported);
    /// <summary>A tensor's data would lie outside the file.</summary>
    public const string TensorTruncated = nameof(TensorTruncated);
    /// <summary>Two tensors claim the same bytes where the format forbids it.</summary>
    public const string TensorOverlap = nameof(TensorOverlap);
    /// <summary>Bytes that belong to no tensor where the format forbids it.</summary>
    public const string DataHole = nameof(DataHole);
    /// <summary>A tensor's byte length does not follow from its type and shape.</summary>
    public const string TensorSizeMismatch = nameof(TensorSizeMismatch);
    /// <summary>Two tensors have one name.</summary>
    public const string DuplicateTensor = nameof(DuplicateTensor);
    /// <summary>A shape is negative or its product overflows.</summary>
    public const string ShapeOverflow = nameof(ShapeOverflow);
    /// <summary>An element type that is not known.</summary>
    public const string DTypeUnsupported = nameof(DTypeUnsupported);
    /// <summary>Values of this type cannot be turned into numbers here, though it can be listed and copied.</summary>
    public const string ValuesUnsupported = nameof(ValuesUnsupported);
    /// <summary>A pickle wants to import something that is not a plain tensor description.</summary>
    public const string PickleGlobalRefused = nameof(PickleGlobalRefused);
    /// <summary>A pickle is damaged, too deep or too long.</summary>
    public const string PickleInvalid = nameof(PickleInvalid);
    /// <summary>The archive is damaged.</summary>
    public const string ArchiveInvalid = nameof(ArchiveInvalid);
    /// <summary>An archive entry is compressed where the format stores it plainly.</summary>
    public const string ArchiveCompressed = nameof(ArchiveCompressed);
    /// <summary>A file that this one refers to does not exist.</summary>
    public const string ReferencedFileMissing = nameof(ReferencedFileMissing);
    /// <summary>A reference leads out of the model's folder.</summary>
    public const string ReferencedFileOutside = nameof(ReferencedFileOutside);
    /// <summary>Shards of two runs lie under one index.</summary>
    public const string ShardOfAnotherRun = nameof(ShardOfAnotherRun);
    /// <summary>A path leads to a named pipe, a socket, a device or a folder.</summary>
    public const string NotARegularFile = nameof(NotARegularFile);
    /// <summary>A file's name is not UTF-8, and so cannot be opened here.</summary>
    public const string FileNameInvalid = nameof(FileNameInvalid);
    /// <summary>A file that names no tensors at all.</summary>
    public const string NoTensors = nameof(NoTensors);
    /// <summary>An address that is not read: no encryption, a name and password in it, or a command that needs the whole file.</summary>
    public const string RemoteAddressRefused = nameof(RemoteAddressRefused);
    /// <summary>A server cannot be reached: no such name, no connection, a certificate that is not trusted.</summary>
    public const string RemoteUnreachable = nameof(RemoteUnreachable);
    /// <summary>A server takes longer than was waited for.</summary>
    public const string RemoteTimeout = nameof(RemoteTimeout);
    /// <summary>A server wants a token, or another one.</summary>
    public const string RemoteDenied = nameof(RemoteDenied);
    /// <summary>A server has no such file.</summary>
    public const string RemoteNotFound = nameof(RemoteNotFound);
    /// <summary>A server answers with an error of its own.</summary>
    public const string RemoteFailed = nameof(RemoteFailed);
    /// <summary>A server's answer is not the range that was asked for.</summary>
    public const string RemoteAnswerInvalid = nameof(RemoteAnswerInvalid);
    /// <summary>A server sends the request on, too often or to where it may not go.</summary>
    public const string RemoteRedirectRefused = nameof(RemoteRedirectRefused);
    /// <summary>A server knows no ranges, and the header cannot be read without.</summary>
    public const string RemoteRangesMissing = nameof(RemoteRangesMissing);
    /// <summary>A model wants more bytes over the network than headers have.</summary>
    public const string RemoteLimitReached = nameof(RemoteLimitReached);
}
