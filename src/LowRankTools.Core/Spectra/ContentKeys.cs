using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using LowRankTools.Core.Models;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Core.Spectra;

/// <summary>
/// Names the content of a model's tensors: SHA-256 over all bytes, type and shape of each, so that no tensor is ever
/// taken for another one, whatever file it lies in.
/// </summary>
/// <remarks>
/// Reading a model whole takes seconds, so what was hashed once is kept under the model's path, the lengths and times of its
/// files, and samples of all its tensors (<see cref="ModelFingerprint"/>). A changed file must keep its length, its time
/// of change and 8 KiB of samples in every tensor to be taken for the old one: no tool does that by accident. Nothing is kept
/// of files so young that a second change could bear the same time.
/// </remarks>
internal sealed class ContentKeys
{
    private const int BlockBytes = 1 << 20;
    private const int KeyBytes = SHA256.HashSizeInBytes;
    private static readonly TimeSpan s_youngest = TimeSpan.FromSeconds(2);

    private readonly TensorFile _file;
    private readonly CacheFolder _folder;
    private readonly string _before;
    private readonly string? _name;
    private readonly Dictionary<string, byte[]> _keys = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();
    private bool _changed;

    /// <summary>Finds what is known of a model, or of a calibration.</summary>
    /// <param name="file">Its tensors.</param>
    /// <param name="fingerprint">Its <see cref="ModelFingerprint"/>.</param>
    /// <param name="folder">Where it is kept.</param>
    public ContentKeys(TensorFile file, string fingerprint, CacheFolder folder)
    {
        (_file, _folder) = (file, folder);
        _before = Stamps(out DateTime newest);
        if (DateTime.UtcNow - newest <= s_youngest)
            return;
        _name = "keys-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{fingerprint}\n{_before}")));
        if (_folder.Read(_name) is { } content)
            Parse(content);
    }

    /// <summary>Name of a tensor's content: lower-case hexadecimal.</summary>
    public string Of(TensorInfo tensor, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_keys.TryGetValue(tensor.Name, out byte[]? known))
                return Convert.ToHexStringLower(known);
        }
        byte[] key = Hash(tensor, cancellationToken);
        lock (_lock)
        {
            _changed = true;
            _keys[tensor.Name] = key;
        }
        return Convert.ToHexStringLower(key);
    }

    /// <summary>Keeps what was hashed, unless the files changed meanwhile.</summary>
    public void Save()
    {
        if (!_changed || _name is null || Stamps(out _) != _before)
            return;
        using MemoryStream content = new();
        using (BinaryWriter writer = new(content, Encoding.UTF8))
        {
            foreach ((string name, byte[] key) in _keys)
            {
                writer.Write(key);
                writer.Write(name);
            }
        }
        _folder.Write(_name, content.ToArray());
    }

    private void Parse(byte[] content)
    {
        // The checksum has been checked: only this class wrote it.
        using BinaryReader reader = new(new MemoryStream(content), Encoding.UTF8);
        while (reader.BaseStream.Position < content.Length)
        {
            byte[] key = reader.ReadBytes(KeyBytes);
            _keys[reader.ReadString()] = key;
        }
    }

    private byte[] Hash(TensorInfo tensor, CancellationToken cancellationToken)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{tensor.DType}\n{string.Join(',', tensor.Shape)}\n")));
        byte[] buffer = GC.AllocateUninitializedArray<byte>((int)Math.Min(BlockBytes, tensor.ByteLength));
        for (long done = 0; done < tensor.ByteLength; done += buffer.Length)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Span<byte> part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, tensor.ByteLength - done));
            _file.ReadBytes(tensor, done, part);
            hash.AppendData(part);
        }
        return hash.GetHashAndReset();
    }

    private string Stamps(out DateTime newest)
    {
        StringBuilder text = new();
        newest = DateTime.MinValue;
        foreach (FileInfo file in _file.Files.Select(f => new FileInfo(f)))
        {
            text.Append(CultureInfo.InvariantCulture, $"{file.FullName}\n{(file.Exists ? file.Length : 0)}\n{file.LastWriteTimeUtc.Ticks}\n");
            newest = file.LastWriteTimeUtc > newest ? file.LastWriteTimeUtc : newest;
        }
        return text.ToString();
    }
}
