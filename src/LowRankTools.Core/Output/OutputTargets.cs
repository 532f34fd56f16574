using LowRankTools.Formats;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Output;

/// <summary>Every file that a run will write, replace or remove: known, and checked, before anything is computed.</summary>
internal sealed class OutputTargets
{
    private readonly OutputLocation _location;
    private readonly IReadOnlyList<string> _shards;
    private readonly string _entry;
    private readonly bool _hasRecord;

    private OutputTargets(OutputLocation location, IReadOnlyList<string> shards, int generation, bool hasRecord, bool hasIndex = false)
    {
        _location = location;
        _shards = shards;
        _entry = hasIndex ? IndexOf(location) : location.WeightsPath;
        _hasRecord = hasRecord;
        Generation = generation;
    }

    /// <summary>Which names the shards get, <see cref="ShardNames"/>.</summary>
    public int Generation { get; }

    /// <summary>The file that makes a model of the others: the weights, or their index.</summary>
    public string Entry => _entry;

    /// <summary>Names the targets of a run and checks them.</summary>
    /// <param name="location">Where the model goes.</param>
    /// <param name="shardCount">Files of weights.</param>
    /// <param name="hasRecord">Whether a record goes beside them.</param>
    /// <param name="source">What is read.</param>
    /// <param name="force">Whether an old output gives way.</param>
    /// <exception cref="LowRankToolsException"><c>OutputIsSource</c>, <c>OutputExists</c>.</exception>
    public static OutputTargets Plan(OutputLocation location, int shardCount, bool hasRecord, SourceFiles source, bool force)
    {
        Check(location, source, force);
        if (shardCount == 1)
            return new OutputTargets(location, [], 1, hasRecord);
        IReadOnlyList<string> plain = ShardNames.Of(location.WeightsPath, shardCount);
        RefuseSource(plain, source);
        OutputCheck.Free(plain, force);
        // Old shards are never written over: they make the old model until the new index stands.
        int generation = 1;
        while (ShardNames.Of(location.WeightsPath, shardCount, generation).Any(Path.Exists))
            generation++;
        return new OutputTargets(location, ShardNames.Of(location.WeightsPath, shardCount, generation), generation, hasRecord, hasIndex: true);
    }

    /// <summary>Names the targets of a run that writes a graph, with data files or without.</summary>
    /// <exception cref="LowRankToolsException"><c>OutputIsSource</c>, <c>OutputExists</c>.</exception>
    public static OutputTargets PlanGraph(OutputLocation location, GraphEdit graph, bool hasRecord, SourceFiles source, bool force)
    {
        Check(location, source, force);
        string path = location.WeightsPath;
        IReadOnlyList<string> data = graph.DataPaths(path, 1);
        RefuseSource(data, source);
        OutputCheck.Free(data, force);
        // The old data files make the old model until the new one stands.
        int generation = 1;
        while (graph.DataPaths(path, generation).Any(Path.Exists))
            generation++;
        return new OutputTargets(location, graph.DataPaths(path, generation), generation, hasRecord);
    }

    /// <summary>What can be said before it is known how many files there will be, so that a long plan is not made in vain.</summary>
    /// <exception cref="LowRankToolsException"><c>OutputIsSource</c>, <c>OutputExists</c>.</exception>
    public static void Check(OutputLocation location, SourceFiles source, bool force)
    {
        string[] targets = [location.WeightsPath, IndexOf(location), location.RecordPath];
        RefuseSource(targets, source);
        OutputCheck.Free(targets, force);
    }

    /// <summary>
    /// Files of an earlier output that are not part of the new one: the other form (a single file, or an index with its
    /// shards), the shards under an index that is replaced, a record that no longer holds. A file counts as a shard by its
    /// name and by what is in it, whatever an index claims.
    /// </summary>
    /// <param name="source">Never among them.</param>
    public IReadOnlyList<string> Stale(SourceFiles source)
    {
        string index = IndexOf(_location);
        List<string> stale = [.. OldShards(index), .. OldData()];
        stale.AddRange(new[] { _location.WeightsPath, index }.Where(f => f != _entry && File.Exists(f)));
        if (!_hasRecord && File.Exists(_location.RecordPath))
            stale.Add(_location.RecordPath);
        return [.. stale.Where(f => !_shards.Contains(f) && !source.Contains(f))];
    }

    /// <summary>Files that would give way or go: what <c>-Force</c> is asked for.</summary>
    public IReadOnlyList<string> Displaced(SourceFiles source)
    {
        string[] written = _hasRecord ? [_entry, _location.RecordPath] : [_entry];
        return [.. written.Where(File.Exists).Concat(Stale(source)).Distinct(StringComparer.Ordinal)];
    }

    private IEnumerable<string> OldShards(string index)
    {
        foreach ((string name, HashSet<string> tensors) in OldIndex.Files(index))
        {
            string path = Path.Combine(_location.Folder, name);
            if (name == Path.GetFileName(name) && ShardNames.IsShardOf(name, _location.WeightsPath) && Holds(path, tensors))
                yield return path;
        }
    }

    /// <summary>Data files of the graph that gives way: files called like its own that it names.</summary>
    private IEnumerable<string> OldData()
    {
        if (Path.GetExtension(_location.WeightsPath) is not (".onnx" or ".json") || !File.Exists(_location.WeightsPath))
            return [];
        try
        {
            using TensorFile old = TensorFiles.Open(_location.WeightsPath);
            return [.. old.Files.Skip(1).Where(f => Path.GetDirectoryName(f) == _location.Folder && OutputLeftovers.GraphOf(f) == _location.WeightsPath)];
        }
        catch (Exception e) when (e is ModelFormatException or IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static bool Holds(string path, HashSet<string> tensors)
    {
        if (!File.Exists(path))
            return false;
        try
        {
            using SafetensorsFile shard = new(path);
            return tensors.SetEquals(shard.Tensors.Select(t => t.Name));
        }
        catch (Exception e) when (e is ModelFormatException or IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static void RefuseSource(IEnumerable<string> targets, SourceFiles source)
    {
        if (targets.FirstOrDefault(source.Contains) is { } own)
        {
            throw new LowRankToolsException(CoreErrors.OutputIsSource, $"{own}: the output would replace the model it is made from.",
                "Choose another -OutputPath.");
        }
    }

    private static string IndexOf(OutputLocation location) => location.WeightsPath + ".index.json";
}
