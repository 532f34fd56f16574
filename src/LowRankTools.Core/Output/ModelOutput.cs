using LowRankTools.Formats;
using LowRankTools.Numerics;

namespace LowRankTools.Core;

/// <summary>
/// A model being written: folder, weights, record, configuration. Until <see cref="Complete"/> only temporary files
/// exist; disposing earlier leaves the disk as it was.
/// </summary>
internal sealed class ModelOutput : IDisposable
{
    /// <summary>Small files that say how a model's weights are used; they go along with the weights.</summary>
    private static readonly string[] s_companions =
    [
        "config.json", "generation_config.json", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json",
        "special_tokens_map.json", "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt", "tokenizer.model", "spiece.model",
    ];

    private const int UnixDiskFull = 28;
    private const int WindowsDiskFull = unchecked((int)0x80070070);

    private readonly OutputLocation _location;
    private readonly ITensorWriter _writer;
    private readonly string? _createdFolder;
    private bool _completed;

    private ModelOutput(OutputLocation location, ITensorWriter writer, string? createdFolder)
    {
        _location = location;
        _writer = writer;
        _createdFolder = createdFolder;
    }

    /// <summary>Writer of the weights.</summary>
    public ITensorWriter Writer => _writer;

    /// <summary>Starts a model.</summary>
    /// <param name="location">Where it goes; checked already.</param>
    /// <param name="format">Safetensors or PyTorch.</param>
    /// <param name="tensors">Everything that will be written, in order.</param>
    /// <param name="metadata">Free text at its greatest length.</param>
    /// <param name="maxShardBytes">Most bytes a shard; zero for one file.</param>
    /// <exception cref="LowRankToolsException"><c>DiskFull</c>, <c>OutputNotWritable</c>.</exception>
    public static ModelOutput Create(OutputLocation location, ModelFormat format, IReadOnlyList<TensorSpec> tensors, IReadOnlyDictionary<string, string> metadata, long maxShardBytes)
    {
        string? created = null;
        try
        {
            created = CreateFolder(location.Folder);
            OutputCheck.Room(location.Folder, tensors.Sum(t => t.ByteLength));
            ITensorWriter writer = format == ModelFormat.PyTorch
                ? new PyTorchModelWriter(location.WeightsPath, metadata)
                : new SafetensorsModelWriter(location.WeightsPath, tensors, metadata, maxShardBytes);
            return new ModelOutput(location, writer, created);
        }
        catch (Exception e)
        {
            RemoveIfEmpty(created);
            if (e is IOException or UnauthorizedAccessException)
                throw NotWritable(location, e);
            throw;
        }
    }

    /// <summary>Runs a step that writes; an error of the disk becomes one with a name and a remedy.</summary>
    public void Writing(Action step)
    {
        try
        {
            step();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw NotWritable(_location, e);
        }
    }

    /// <summary>Gives all files their names.</summary>
    /// <param name="metadata">Final free text of the weights.</param>
    /// <param name="record">Content of <c>lowrank.json</c>; null for a dense model.</param>
    /// <param name="companionsFrom">Folder whose configuration goes along; null for none.</param>
    /// <param name="config">Content of a new <c>config.json</c>; null for none.</param>
    /// <returns>Path that opens the model.</returns>
    public string Complete(IReadOnlyDictionary<string, string> metadata, byte[]? record, string? companionsFrom, byte[]? config = null)
    {
        string entry = "";
        Writing(() =>
        {
            using TemporaryFile? recordFile = record is null ? null : new TemporaryFile(_location.Folder);
            recordFile?.Append(record);
            recordFile?.Flush();
            using TemporaryFile? configFile = config is null ? null : new TemporaryFile(_location.Folder);
            configFile?.Append(config);
            configFile?.Flush();
            IReadOnlyList<string> files = _writer.Complete(metadata);
            entry = files[0];
            recordFile?.MoveTo(_location.RecordPath);
            configFile?.MoveTo(Path.Combine(_location.Folder, ConfigFile.FileName));
            if (record is null)
                File.Delete(_location.RecordPath);
            RemoveOtherForm(files);
            if (companionsFrom is not null && _location.OwnFolder)
                CopyCompanions(companionsFrom);
        });
        _completed = true;
        return entry;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _writer.Dispose();
        if (!_completed)
            RemoveIfEmpty(_createdFolder);
    }

    /// <summary>What an earlier run left in the other form (a single file beside a new index, or the reverse) is not this model.</summary>
    private void RemoveOtherForm(IReadOnlyList<string> written)
    {
        string index = _location.WeightsPath + ".index.json";
        string stale = written[0] == index ? _location.WeightsPath : index;
        if (stale == index && ModelParts.TryList(index, out IReadOnlyList<string> shards))
        {
            foreach (string shard in shards.Where(s => Path.GetDirectoryName(s) == _location.Folder))
                File.Delete(shard);
        }
        File.Delete(stale);
    }

    private void CopyCompanions(string from)
    {
        foreach (string name in s_companions)
        {
            string source = Path.Combine(from, name), target = Path.Combine(_location.Folder, name);
            if (File.Exists(source) && !File.Exists(target))
                File.Copy(source, target);
        }
    }

    /// <summary>Creates a folder; returns the topmost one that was not there before.</summary>
    private static string? CreateFolder(string folder)
    {
        string? created = null;
        for (string? at = folder; at is not null && !Directory.Exists(at); at = Path.GetDirectoryName(at))
            created = at;
        Directory.CreateDirectory(folder);
        return created;
    }

    private static void RemoveIfEmpty(string? folder)
    {
        if (folder is null || !Directory.Exists(folder) || Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Any())
            return;
        Directory.Delete(folder, recursive: true);
    }

    private static LowRankToolsException NotWritable(OutputLocation location, Exception e) =>
        e.HResult is UnixDiskFull or WindowsDiskFull
            ? new LowRankToolsException(CoreErrors.DiskFull, $"{location.Folder}: the disk is full.", "Free some room, or choose another -OutputPath.", e)
            : new LowRankToolsException(CoreErrors.OutputNotWritable, $"{location.Folder}: the output cannot be written: {e.Message}", "Choose another -OutputPath.", e);
}
