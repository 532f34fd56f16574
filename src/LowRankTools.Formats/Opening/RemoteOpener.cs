using LowRankTools.Formats.Files;
using LowRankTools.Formats.Gguf;
using LowRankTools.Formats.Remote;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Sharding;

namespace LowRankTools.Formats.Opening;

/// <summary>Opens models on servers: their formats are those whose header says all of shapes.</summary>
internal static class RemoteOpener
{
    /// <summary>Most shards of a model; the largest known ones have a few hundred.</summary>
    private const int MostShards = 1000;

    private const string Others = "Of files on servers the headers of safetensors and GGUF are read, and shard indexes of safetensors. A page about a file is none: on Hugging Face write /resolve/ where the page has /blob/. Download other files and name those.";

    /// <summary>Opens what lies at an address.</summary>
    /// <exception cref="ModelFormatException">See <see cref="FormatErrors"/>.</exception>
    public static TensorFile Open(string address, RemoteOptions options)
    {
        Uri parsed = RemoteAddress.Parse(address, options);
        RemoteSession session = new(options);
        try
        {
            return parsed.AbsolutePath.EndsWith(ShardNames.IndexSuffix, StringComparison.OrdinalIgnoreCase) ? OpenIndex(session, parsed) : OpenWeights(session, parsed, ownsSession: true);
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    private static ShardedTensorFile OpenIndex(RemoteSession session, Uri address)
    {
        ShardIndex index;
        long bytes;
        using (RemoteFile file = new(session, address, ownsSession: false))
        {
            index = ShardIndex.Read(file, name => RemoteAddress.Sibling(address, name));
            bytes = file.Length;
        }
        if (index.Files.Count > MostShards)
            throw new ModelFormatException(FormatErrors.RemoteLimitReached, $"The index names {index.Files.Count} files; {MostShards} are read.", RemoteAddress.Show(address));
        return new ShardedTensorFile(RemoteAddress.Show(address), index, () => bytes, shard => OpenWeights(session, new Uri(shard), ownsSession: false), session);
    }

    private static TensorFile OpenWeights(RemoteSession session, Uri address, bool ownsSession)
    {
        RemoteFile file = new(session, address, ownsSession);
        try
        {
            byte[] head = new byte[TensorFileOpener.SniffBytes];
            int length = file.ReadUpTo(0, head);
            return TensorFileOpener.Sniff(head.AsSpan(0, length), file.Path) switch
            {
                ModelFormat.Safetensors => new SafetensorsFile(file),
                ModelFormat.Gguf => new GgufFile(file),
                _ => throw new ModelFormatException(FormatErrors.UnknownFormat, "This is no file whose header is read from a server.", file.Path, remedy: Others),
            };
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }
}
