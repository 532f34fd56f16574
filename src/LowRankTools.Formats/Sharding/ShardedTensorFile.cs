using LowRankTools.Formats.Files;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Remote;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Sharding;

/// <summary>A model in several files of one format (safetensors or PyTorch), held together by an index.</summary>
public sealed class ShardedTensorFile : TensorFile
{
    private readonly ShardIndex _index;
    private readonly RemoteSession? _session;
    private readonly List<TensorFile> _shards = [];
    private readonly List<TensorInfo> _tensors = [];

    /// <summary>Opens the header of every shard that an index names.</summary>
    /// <param name="path">Full path or address of the index.</param>
    /// <param name="index">The index.</param>
    /// <param name="indexBytes">Its length.</param>
    /// <param name="open">Opens a shard by its full path or address.</param>
    /// <param name="session">Owned from here on; null for files on this machine.</param>
    /// <exception cref="ModelFormatException">The index or a shard is damaged, missing, or they disagree.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    internal ShardedTensorFile(string path, ShardIndex index, Func<long> indexBytes, Func<string, TensorFile> open, RemoteSession? session = null)
    {
        Path = path;
        _index = index;
        _session = session;
        try
        {
            foreach (string shard in _index.Files)
                _shards.Add(open(shard));
            CheckSet();
            Collect();
        }
        catch
        {
            Dispose(disposing: true);
            throw;
        }
        FileBytes = _shards.Sum(s => s.FileBytes) + indexBytes();
    }

    /// <inheritdoc/>
    public override string Path { get; }

    /// <inheritdoc/>
    public override ModelFormat Format => _shards.Count > 0 ? _shards[0].Format : ModelFormat.Safetensors;

    /// <inheritdoc/>
    public override IReadOnlyList<TensorInfo> Tensors => _tensors;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> Metadata => _shards.Count > 0 ? _shards[0].Metadata : base.Metadata;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Files => [Path, .. _index.Files];

    /// <inheritdoc/>
    public override long FileBytes { get; }

    /// <inheritdoc/>
    public override RemoteTransfer? Transfer => _session?.Transfer;

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        foreach (TensorFile shard in _shards)
            shard.Dispose();
        _session?.Dispose();
    }

    /// <summary>A run cut short between two renames, or files copied together by hand, would else make a model of two.</summary>
    private void CheckSet()
    {
        string? expected = _index.Set ?? _shards.Select(SetOf).FirstOrDefault(set => set is not null);
        if (expected is null || _shards.Find(s => SetOf(s) != expected) is not { } stranger)
            return;
        throw new ModelFormatException(FormatErrors.ShardOfAnotherRun,
            $"{System.IO.Path.GetFileName(stranger.Path)} does not belong to the run that wrote {(_index.Set is null ? "the other shards" : "the index")}.", Path);
    }

    private static string? SetOf(TensorFile shard) => (shard as SafetensorsFile)?.ShardSet;

    /// <summary>Index and shards must name the same tensors: a stale shard beside a new index is a wrong model.</summary>
    private void Collect()
    {
        foreach (TensorFile shard in _shards)
        {
            foreach (TensorInfo tensor in shard.Tensors)
            {
                if (!_index.Shards.TryGetValue(tensor.Name, out string? expected) || expected != shard.Path)
                {
                    throw new ModelFormatException(FormatErrors.HeaderInvalid,
                        $"Tensor '{tensor.Name}' lies in {System.IO.Path.GetFileName(shard.Path)}, where the index does not expect it.", Path, tensor.Name);
                }
                _tensors.Add(tensor.InShard(shard.Path));
            }
        }
        if (_tensors.Count == _index.Shards.Count)
            return;
        HashSet<string> found = _tensors.Select(t => t.Name).ToHashSet(StringComparer.Ordinal);
        string missing = _index.Shards.Keys.First(name => !found.Contains(name));
        throw new ModelFormatException(FormatErrors.TensorTruncated, $"The index promises tensor '{missing}', which is in no shard.", Path, missing);
    }
}
