using System.Globalization;
using System.Text.RegularExpressions;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Formats.TensorFlowJs;

/// <summary>
/// Writes a TensorFlow.js graph model again with factors in place of some of its weights: two products in place of one, a chain of convolutions in place of one. Every other weight is
/// copied byte for byte, quantised ones as they are stored, into shards of at most 4 MiB; nothing is held in memory but the graph. The
/// factors are a group of their own, the last one.
/// </summary>
public sealed partial class TensorFlowJsModelWriter : IGraphWriter
{
    /// <summary>Bytes of a shard: what browsers keep.</summary>
    public const int ShardBytes = 1 << 22;

    private readonly string _path;
    private readonly TensorFlowJsFile _source;
    private readonly Dictionary<string, TensorFlowJsFactors> _edits;
    private readonly IReadOnlyDictionary<string, string> _metadata;
    private readonly IReadOnlyList<TensorFlowJsPlace> _kept;
    private readonly IReadOnlyList<TensorSpec> _factors;
    private readonly AnnouncedTensors _announced;
    private readonly OutputPlace? _place;
    private readonly IReadOnlyList<string> _names;
    private readonly List<TemporaryFile> _shards = [];
    private TemporaryFile? _text;
    private bool _copied, _groupEnded = true;

    /// <summary>Starts a model.</summary>
    /// <param name="path">Full path of the model.json.</param>
    /// <param name="source">The model that is changed; it must stay open.</param>
    /// <param name="edits">What takes the place of which weight. Their tensors are written in this order.</param>
    /// <param name="metadata">Free text that the model gets, in place of that of the same keys.</param>
    /// <param name="place">Whose temporary files they are; null for nobody's.</param>
    /// <param name="generation">Which names the shards get.</param>
    /// <exception cref="ModelFormatException"><c>DuplicateTensor</c>: the graph has a factor's name already.</exception>
    public TensorFlowJsModelWriter(string path, TensorFlowJsFile source, IReadOnlyList<TensorFlowJsFactors> edits, IReadOnlyDictionary<string, string> metadata, OutputPlace? place = null, int generation = 1)
    {
        (_path, _source, _metadata, _place) = (path, source, metadata, place);
        _edits = edits.ToDictionary(e => e.Weight, StringComparer.Ordinal);
        _kept = Kept(source, edits);
        _factors = [.. edits.SelectMany(e => e.Factors)];
        _announced = new AnnouncedTensors(_factors);
        if (_factors.FirstOrDefault(f => source.NodeNames.Contains(f.Name)) is { } taken)
            throw new ModelFormatException(FormatErrors.DuplicateTensor, $"The graph has a node '{taken.Name}' already.", source.Path, taken.Name, "Leave the layer out with -Exclude, or write Safetensors.");
        _names = ShardPaths(path, source, edits, generation);
    }

    /// <summary>Full paths of the shards: <c>group1-shard2of7.bin</c>, <c>group1-shard2of7-g2.bin</c> where that must stay until the new model stands.</summary>
    /// <param name="path">Full path of the model.json.</param>
    /// <param name="source">The model that is changed.</param>
    /// <param name="edits">What takes the place of which weight.</param>
    /// <param name="generation">1 for the plain names.</param>
    public static IReadOnlyList<string> ShardPaths(string path, TensorFlowJsFile source, IReadOnlyList<TensorFlowJsFactors> edits, int generation = 1)
    {
        string folder = Path.GetDirectoryName(path)!, mark = generation == 1 ? "" : string.Create(CultureInfo.InvariantCulture, $"-g{generation}");
        List<long> bytes = [.. Kept(source, edits).GroupBy(p => p.Group).Select(g => g.Sum(p => p.Length)), edits.Sum(e => e.Factors.Sum(f => f.ByteLength))];
        return [.. bytes.SelectMany((length, group) => Enumerable.Range(1, Count(length)).Select(i => Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"group{group + 1}-shard{i}of{Count(length)}{mark}.bin"))))];
    }

    /// <summary>Whether a file is called as a shard that is written here.</summary>
    public static bool IsShard(string path) => ShardName().IsMatch(Path.GetFileName(path));

    /// <inheritdoc/>
    public void CopyUnchanged(CancellationToken cancellationToken = default)
    {
        byte[] buffer = new byte[1 << 20];
        int group = -1;
        foreach (TensorFlowJsPlace place in _kept)
        {
            _groupEnded |= group != place.Group;
            group = place.Group;
            for (long done = 0; done < place.Length; done += buffer.Length)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Span<byte> piece = buffer.AsSpan(0, (int)Math.Min(buffer.Length, place.Length - done));
                place.Stored.Read(done, piece);
                Append(piece);
            }
        }
        _groupEnded = true;
        _copied = true;
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The tensor is not the next one that was announced, or <see cref="CopyUnchanged"/> was not called.</exception>
    public void Begin(TensorSpec tensor)
    {
        if (!_copied)
            throw AnnouncedTensors.NotNext(tensor);
        _announced.Begin(tensor);
    }

    /// <inheritdoc/>
    public void Write(ReadOnlySpan<byte> data)
    {
        _announced.Take(data.Length);
        Append(data);
    }

    /// <inheritdoc/>
    public IReadOnlyList<PendingFile> Finish(IReadOnlyDictionary<string, string>? metadata = null)
    {
        _announced.RequireAll();
        if (!_copied)
            throw _announced.Lacking();
        List<(IReadOnlyList<string>, IReadOnlyList<string>)> groups = [];
        int first = 0;
        void Add(IReadOnlyList<string> entries, long bytes)
        {
            groups.Add((entries, [.. _names.Skip(first).Take(Count(bytes)).Select(p => Path.GetFileName(p))]));
            first += Count(bytes);
        }
        foreach (IGrouping<int, TensorFlowJsPlace> group in _kept.GroupBy(p => p.Group))
            Add([.. group.Select(p => p.Weight.Entry)], group.Sum(p => p.Length));
        Add([.. _factors.Select(TensorFlowJsText.Entry)], _factors.Sum(f => f.ByteLength));
        _text = new TemporaryFile(Path.GetDirectoryName(_path)!, _place);
        _text.Append(_source.Rewritten(_edits, metadata ?? _metadata, groups));
        _text.Flush();
        // A group of nothing but empty weights has a shard of no bytes.
        while (_shards.Count < _names.Count)
            Start();
        _shards[^1].Flush();
        return [.. _shards.Zip(_names, (file, name) => new PendingFile(file, name)), new PendingFile(_text, _path)];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _text?.Dispose();
        _shards.ForEach(s => s.Dispose());
    }

    private static List<TensorFlowJsPlace> Kept(TensorFlowJsFile source, IReadOnlyList<TensorFlowJsFactors> edits)
    {
        HashSet<string> replaced = [.. edits.Select(e => e.Weight)];
        return [.. source.Places.Where(p => !replaced.Contains(p.Weight.Name))];
    }

    private static int Count(long bytes) => (int)Math.Max(1, (bytes + ShardBytes - 1) / ShardBytes);

    private void Append(ReadOnlySpan<byte> data)
    {
        while (data.Length > 0)
        {
            if (_groupEnded || _shards[^1].Length == ShardBytes)
                Start();
            int count = (int)Math.Min(data.Length, ShardBytes - _shards[^1].Length);
            _shards[^1].Append(data[..count]);
            data = data[count..];
        }
    }

    private void Start()
    {
        if (_shards.Count > 0)
            _shards[^1].Flush();
        _shards.Add(new TemporaryFile(Path.GetDirectoryName(_path)!, _place));
        _groupEnded = false;
    }

    [GeneratedRegex(@"\Agroup[0-9]{1,9}-shard[0-9]{1,9}of[0-9]{1,9}(?:-g[0-9]{1,9})?\.bin\z", RegexOptions.CultureInvariant)]
    private static partial Regex ShardName();
}
