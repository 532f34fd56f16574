namespace LowRankTools.Formats.Archives;

/// <summary>Numbers of the zip format (PKWARE APPNOTE 6.3.10, sections 4.3 to 4.5).</summary>
internal static class ZipConstants
{
    /// <summary>First four bytes of a record.</summary>
    public const uint LocalSignature = 0x04034B50;

    /// <summary>First four bytes of a central directory entry.</summary>
    public const uint CentralSignature = 0x02014B50;

    /// <summary>First four bytes of the end record.</summary>
    public const uint EndSignature = 0x06054B50;

    /// <summary>First four bytes of the 64-bit end record.</summary>
    public const uint End64Signature = 0x06064B50;

    /// <summary>First four bytes of the pointer to the 64-bit end record.</summary>
    public const uint Locator64Signature = 0x07064B50;

    /// <summary>Length of a local header without name and extra field.</summary>
    public const int LocalBytes = 30;

    /// <summary>Length of a central directory entry without name, extra field and comment.</summary>
    public const int CentralBytes = 46;

    /// <summary>Length of the end record without comment.</summary>
    public const int EndBytes = 22;

    /// <summary>Length of the 64-bit end record.</summary>
    public const int End64Bytes = 56;

    /// <summary>Length of the pointer to the 64-bit end record.</summary>
    public const int Locator64Bytes = 20;

    /// <summary>Extra field that holds what does not fit 32 bits.</summary>
    public const ushort Extra64 = 1;

    /// <summary>A 32-bit field whose value stands in the 64-bit extra field.</summary>
    public const uint Saturated32 = uint.MaxValue;

    /// <summary>A 16-bit field whose value stands in the 64-bit end record.</summary>
    public const ushort Saturated16 = ushort.MaxValue;

    /// <summary>Longest central directory that is read: over a million records.</summary>
    public const long MaxDirectoryBytes = 128L * 1024 * 1024;
}
