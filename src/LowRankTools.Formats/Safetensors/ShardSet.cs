using System.Security.Cryptography;
using System.Text;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Formats.Safetensors;

/// <summary>
/// The identity that all shards of one run and their index carry, so that a shard of another run is noticed. It follows from
/// the run's content: SHA-256 of all its bytes, names and free text, the first 128 bits in hexadecimal. Runs that differ in
/// nothing have one identity, and nothing is lost when their shards are mixed.
/// </summary>
public sealed class ShardSet : IDisposable
{
    /// <summary>Key in a shard's free text and in the index's metadata.</summary>
    public const string Key = "lowrank.set";

    private const int Bytes = 16;

    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    /// <summary>Stands in for an identity until it is known.</summary>
    public static string Unknown { get; } = new('0', 2 * Bytes);

    /// <summary>Adds bytes of tensors, in the order of the files.</summary>
    public void Add(ReadOnlySpan<byte> data) => _hash.AppendData(data);

    /// <summary>Ends with names, types, shapes and free text.</summary>
    /// <returns>The identity.</returns>
    public string Complete(IEnumerable<TensorSpec> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        foreach (TensorSpec tensor in tensors)
            Add(Encoding.UTF8.GetBytes($"{tensor.Name}\n{tensor.DType}\n{string.Join(',', tensor.Shape)}\n"));
        foreach ((string key, string value) in metadata.OrderBy(m => m.Key, StringComparer.Ordinal))
            Add(Encoding.UTF8.GetBytes($"{key}\n{value}\n"));
        return Convert.ToHexStringLower(_hash.GetHashAndReset().AsSpan(0, Bytes));
    }

    /// <inheritdoc/>
    public void Dispose() => _hash.Dispose();
}
