using System.Buffers.Binary;
using System.Text;
using LowRankTools.Formats.IO;

namespace LowRankTools.Core.Engines.LibTorch;

/// <summary>
/// What a shared library of Linux asks of others and offers to them: symbols, and versions of symbols. The loader looks at the same
/// tables, but what does not fit there ends the process, or surfaces in the middle of a computation.
/// </summary>
/// <remarks>Layout: System V ABI, chapter 4, and the GNU version sections of the Linux Standard Base. 64 bits, little-endian.</remarks>
internal sealed class ElfLibrary
{
    private const uint SymbolsSection = 11, VersionIndexSection = 0x6fffffff, NeedsSection = 0x6ffffffe, VersionsSection = 0x6ffffffd;
    private const int HeaderSize = 64, SectionSize = 64, SymbolSize = 24;

    private readonly byte[][] _sections;
    private readonly Section[] _table;

    private ElfLibrary(Section[] table, byte[][] sections)
    {
        (_table, _sections) = (table, sections);
        Needs = [.. ReadNeeds()];
        Versions = [.. ReadVersions()];
        Symbols = [.. ReadSymbols()];
    }

    /// <summary>Versions of symbols that other libraries have to offer.</summary>
    public IReadOnlyList<ElfVersionNeed> Needs { get; }

    /// <summary>Versions of symbols that this one offers.</summary>
    public IReadOnlyList<string> Versions { get; }

    /// <summary>Its dynamic symbols, its own and those that it takes from others.</summary>
    public IReadOnlyList<ElfSymbol> Symbols { get; }

    /// <summary>Reads the tables of a library.</summary>
    /// <param name="path">Full path.</param>
    /// <exception cref="InvalidDataException">It is no library of a 64-bit Linux, or it is damaged.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static ElfLibrary Read(string path)
    {
        using Microsoft.Win32.SafeHandles.SafeFileHandle file = RegularFile.OpenRead(path);
        try
        {
            byte[] header = Bytes(file, 0, HeaderSize);
            if (!header.AsSpan(0, 6).SequenceEqual("\u007fELF\u0002\u0001"u8))
                throw new InvalidDataException($"'{path}' is no library of a 64-bit Linux.");
            long start = BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(40));
            int count = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(60));
            byte[] headers = Bytes(file, start, count * SectionSize);
            Section[] table = [.. Enumerable.Range(0, count).Select(i => Section.Read(headers.AsSpan(i * SectionSize, SectionSize)))];
            byte[][] sections = [.. table.Select((s, i) => IsRead(table, i) ? Bytes(file, s.Offset, s.Size) : [])];
            return new ElfLibrary(table, sections);
        }
        catch (Exception e) when (e is ArgumentException or IndexOutOfRangeException or OverflowException)
        {
            throw new InvalidDataException($"'{path}' is a damaged library.", e);
        }
    }

    private static bool IsRead(Section[] table, int index) => IsWanted(table[index].Kind) || table.Any(s => IsWanted(s.Kind) && s.Link == index);

    private static bool IsWanted(uint kind) => kind is SymbolsSection or VersionIndexSection or NeedsSection or VersionsSection;

    private static byte[] Bytes(Microsoft.Win32.SafeHandles.SafeFileHandle file, long offset, long size)
    {
        // Lengths come out of the file: none is longer than it.
        if (offset < 0 || size < 0 || size > RandomAccess.GetLength(file) - offset)
            throw new ArgumentException("A table lies outside of the file.");
        byte[] bytes = new byte[size];
        for (int read = 0; read < bytes.Length;)
        {
            int more = RandomAccess.Read(file, bytes.AsSpan(read), offset + read);
            read += more > 0 ? more : throw new ArgumentException("The file was truncated.");
        }
        return bytes;
    }

    private IEnumerable<ElfVersionNeed> ReadNeeds()
    {
        if (Find(NeedsSection) is not (>= 0 and int section))
            yield break;
        byte[] needs = _sections[section], names = _sections[_table[section].Link];
        for (int at = 0, next = 1; next != 0; at += next)
        {
            string library = Name(names, UInt32(needs, at + 4));
            next = Step(UInt32(needs, at + 12));
            for (int entry = at + Step(UInt32(needs, at + 8)), following = 1; following != 0; entry += following)
            {
                following = Step(UInt32(needs, entry + 12));
                yield return new ElfVersionNeed(library, Name(names, UInt32(needs, entry + 8)), UInt16(needs, entry + 6), UInt16(needs, entry + 4), _table[section].Offset + entry + 4);
            }
        }
    }

    private IEnumerable<string> ReadVersions()
    {
        if (Find(VersionsSection) is not (>= 0 and int section))
            yield break;
        byte[] versions = _sections[section], names = _sections[_table[section].Link];
        for (int at = 0, next = 1; next != 0; at += next)
        {
            next = Step(UInt32(versions, at + 16));
            yield return Name(names, UInt32(versions, at + Step(UInt32(versions, at + 12))));
        }
    }

    private IEnumerable<ElfSymbol> ReadSymbols()
    {
        if (Find(SymbolsSection) is not (>= 0 and int section))
            yield break;
        byte[] symbols = _sections[section], names = _sections[_table[section].Link];
        byte[] indexes = Find(VersionIndexSection) is >= 0 and int found ? _sections[found] : [];
        for (int i = 0; i < symbols.Length / SymbolSize; i++)
        {
            int at = i * SymbolSize;
            int version = indexes.Length >= 2 * (i + 1) ? UInt16(indexes, 2 * i) : 0;
            yield return new ElfSymbol(Name(names, UInt32(symbols, at)), symbols[at + 4], UInt16(symbols, at + 6) != 0, version, _table[section].Offset + at + 4);
        }
    }

    private int Find(uint kind) => Array.FindIndex(_table, s => s.Kind == kind);

    // Steps lead forward only, so that no table is read for ever.
    private static int Step(uint value) => checked((int)value);

    private static uint UInt32(byte[] bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at));

    private static ushort UInt16(byte[] bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(at));

    private static string Name(byte[] names, uint at)
    {
        ReadOnlySpan<byte> rest = names.AsSpan(checked((int)at));
        return Encoding.UTF8.GetString(rest[..rest.IndexOf((byte)0)]);
    }

    private readonly record struct Section(uint Kind, long Offset, long Size, int Link)
    {
        public static Section Read(ReadOnlySpan<byte> header) => new(
            BinaryPrimitives.ReadUInt32LittleEndian(header[4..]),
            BinaryPrimitives.ReadInt64LittleEndian(header[24..]),
            BinaryPrimitives.ReadInt64LittleEndian(header[32..]),
            checked((int)BinaryPrimitives.ReadUInt32LittleEndian(header[40..])));
    }
}

/// <summary>A version of symbols that another library has to offer.</summary>
/// <param name="Library">The other library, such as <c>libstdc++.so.6</c>.</param>
/// <param name="Version">The version, such as <c>GLIBCXX_3.4.32</c>.</param>
/// <param name="Index">Number by which symbols refer to it.</param>
/// <param name="Flags">Bits of the entry.</param>
/// <param name="FlagsOffset">Where they lie in the file.</param>
internal sealed record ElfVersionNeed(string Library, string Version, int Index, int Flags, long FlagsOffset)
{
    /// <summary>Bit of what may be missing.</summary>
    public const int WeakFlag = 2;

    /// <summary>Whether the loader goes on where it is missing.</summary>
    public bool IsWeak => (Flags & WeakFlag) != 0;
}

/// <summary>A dynamic symbol.</summary>
/// <param name="Name">Its name, mangled.</param>
/// <param name="Info">Binding and kind.</param>
/// <param name="IsDefined">Whether it is this library's own.</param>
/// <param name="VersionIndex">Number of its version; 0 and 1 for none. The highest bit hides it.</param>
/// <param name="InfoOffset">Where binding and kind lie in the file.</param>
internal readonly record struct ElfSymbol(string Name, byte Info, bool IsDefined, int VersionIndex, long InfoOffset)
{
    private const int WeakBinding = 2;

    /// <summary>Whether the loader goes on where nobody has it.</summary>
    public bool IsWeak => Info >> 4 == WeakBinding;

    /// <summary>Binding and kind as they would be, were it weak.</summary>
    public byte WeakInfo => (byte)((WeakBinding << 4) | (Info & 0xf));
}
