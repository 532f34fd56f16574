using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Core.Models;

/// <summary>
/// Tells models apart without reading them whole: SHA-256 over every tensor's name, type, shape and a sample of its
/// bytes. It finds another checkpoint of the same architecture; it is no checksum against tampering.
/// </summary>
public static class ModelFingerprint
{
    /// <summary>Bytes of one sample; a tensor of at most <see cref="Samples"/> of them is read whole.</summary>
    private const int SampleBytes = 1024;

    /// <summary>Samples of one tensor, evenly spaced, the first and the last bytes among them.</summary>
    private const int Samples = 8;

    /// <summary>Lower-case hexadecimal fingerprint with its method in front.</summary>
    public static string Compute(TensorFile file, CancellationToken cancellationToken = default)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[SampleBytes];
        foreach (TensorInfo tensor in file.Tensors.OrderBy(t => t.Name, StringComparer.Ordinal))
        {
            cancellationToken.ThrowIfCancellationRequested();
            string header = string.Create(CultureInfo.InvariantCulture, $"{tensor.Name}\n{tensor.DType}\n{string.Join(',', tensor.Shape)}\n");
            hash.AppendData(Encoding.UTF8.GetBytes(header));
            foreach (long offset in Offsets(tensor.ByteLength))
            {
                Span<byte> sample = buffer.AsSpan(0, (int)Math.Min(SampleBytes, tensor.ByteLength - offset));
                file.ReadBytes(tensor, offset, sample);
                hash.AppendData(sample);
            }
        }
        return "sampled-sha256:" + Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static IEnumerable<long> Offsets(long length)
    {
        if (length <= (long)SampleBytes * Samples)
        {
            for (long offset = 0; offset < length; offset += SampleBytes)
                yield return offset;
            yield break;
        }
        for (int i = 0; i < Samples; i++)
            yield return (long)((Int128)(length - SampleBytes) * i / (Samples - 1));
    }
}
