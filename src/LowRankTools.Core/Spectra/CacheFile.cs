using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using LowRankTools.Formats;
using LowRankTools.Formats.IO;

namespace LowRankTools.Core.Spectra;

/// <summary>
/// One file of the cache: magic, checksum, length, content. It appears under its name whole, because it is renamed to it;
/// what is damaged all the same (a disk, a crash between writing and flushing) fails its checksum and is not there.
/// </summary>
internal static class CacheFile
{
    /// <summary>Ends the names of files that are being written.</summary>
    public const string TemporaryExtension = ".tmp";

    private const int HeaderBytes = 16;
    private const int MaxBytes = 1 << 28;

    private static ReadOnlySpan<byte> Magic => "lowrank1"u8;

    /// <summary>The content; null where there is no whole file of that name.</summary>
    public static byte[]? TryRead(string path)
    {
        try
        {
            using Microsoft.Win32.SafeHandles.SafeFileHandle handle = RegularFile.OpenRead(path, FileShare.ReadWrite | FileShare.Delete);
            long length = RandomAccess.GetLength(handle);
            if (length is < HeaderBytes or > MaxBytes)
                return null;
            Span<byte> header = stackalloc byte[HeaderBytes];
            if (RandomAccess.Read(handle, header, 0) != HeaderBytes || !header.StartsWith(Magic) || BinaryPrimitives.ReadInt32LittleEndian(header[12..]) != length - HeaderBytes)
                return null;
            byte[] content = GC.AllocateUninitializedArray<byte>((int)length - HeaderBytes);
            return RandomAccess.Read(handle, content, HeaderBytes) == content.Length && BinaryPrimitives.ReadUInt32LittleEndian(header[8..]) == Checksum(content) ? content : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ModelFormatException)
        {
            return null;
        }
    }

    /// <summary>Writes beside the name, then renames; a folder that cannot be written keeps nothing.</summary>
    public static bool TryWrite(string path, ReadOnlySpan<byte> content)
    {
        string temporary = $"{path}.{Path.GetRandomFileName()}{TemporaryExtension}";
        try
        {
            using (FileStream file = new(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                Span<byte> header = stackalloc byte[HeaderBytes];
                Magic.CopyTo(header);
                BinaryPrimitives.WriteUInt32LittleEndian(header[8..], Checksum(content));
                BinaryPrimitives.WriteInt32LittleEndian(header[12..], content.Length);
                file.Write(header);
                file.Write(content);
            }
            File.Move(temporary, path, overwrite: true);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            TryDelete(temporary);
            return false;
        }
    }

    /// <summary>Deletes a file where that can be done.</summary>
    public static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Another process has it open, or was quicker: the next run tries again.
        }
    }

    /// <summary>CRC-32C.</summary>
    private static uint Checksum(ReadOnlySpan<byte> data)
    {
        uint crc = uint.MaxValue;
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(data);
        foreach (ulong word in words)
            crc = BitOperations.Crc32C(crc, BitConverter.IsLittleEndian ? word : BinaryPrimitives.ReverseEndianness(word));
        foreach (byte b in data[(words.Length * sizeof(ulong))..])
            crc = BitOperations.Crc32C(crc, b);
        return ~crc;
    }
}
