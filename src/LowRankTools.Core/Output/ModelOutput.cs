using LowRankTools.Core.Models;
using LowRankTools.Core.Records;
using LowRankTools.Formats;
using LowRankTools.Formats.Gguf;
using LowRankTools.Formats.OnnxAdapters;
using LowRankTools.Formats.PyTorch;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Output;

/// <summary>
/// A model being written: folder, weights, record, configuration. Until <see cref="Complete"/> only temporary files
/// exist; disposing earlier leaves the disk as it was. The model's entry point, its single file or its index, gets its name
/// last and in one step: before it readers see the old model, after it the new one.
/// </summary>
internal sealed class ModelOutput : IDisposable
{
    private readonly OutputRequest _request;
    private readonly OutputPlace _place;
    private readonly OutputTargets _targets;
    private readonly OutputFolder _folder;
    private readonly ITensorWriter _writer;

    private ModelOutput(OutputRequest request, OutputPlace place, OutputTargets targets, OutputFolder folder, ITensorWriter writer, string note)
    {
        _request = request;
        _place = place;
        _targets = targets;
        _folder = folder;
        _writer = writer;
        Note = note;
        Displaced = targets.Displaced(request.Source);
    }

    /// <summary>Files of an earlier output that give way.</summary>
    public IReadOnlyList<string> Displaced { get; }

    /// <summary>Writer of the weights.</summary>
    public ITensorWriter Writer => _writer;

    /// <summary>What was done about the remains of a run that was killed; empty where there were none.</summary>
    public string Note { get; }

    private OutputLocation Location => _request.Location;

    /// <summary>Starts a model.</summary>
    /// <exception cref="LowRankToolsException"><c>OutputIsSource</c>, <c>OutputExists</c>, <c>OutputBusy</c>, <c>DiskFull</c>, <c>OutputNotWritable</c>.</exception>
    public static ModelOutput Create(OutputRequest request)
    {
        OutputLocation location = request.Location;
        OutputPlace place = new(request.Disk, location.Key);
        return OutputErrors.Writing(location.Folder, () =>
        {
            OutputFolder folder = OutputFolder.Open(place, location);
            try
            {
                string note = OutputLeftovers.Remove(location.Folder, place, folder.Held);
                // After the lock: what another run has just written is seen here.
                OutputTargets targets = request.Targets();
                OutputCheck.Room(location.Folder, request.Tensors.Sum(t => t.ByteLength));
                ITensorWriter writer = request.Graph is { } graph
                    ? graph.Open(location.WeightsPath, request.Metadata, place, targets.Generation)
                    : request.Gguf is { } gguf
                    ? new GgufModelWriter(location.WeightsPath, gguf.Source, request.Tensors, gguf.Values, request.Metadata, [FactorizationRecord.MetadataKey], place)
                    : request.Format == ModelFormat.OnnxAdapter
                    ? new OnnxAdapterWriter(location.WeightsPath, request.Tensors, place)
                    : request.Format == ModelFormat.PyTorch
                    ? new PyTorchModelWriter(location.WeightsPath, request.Metadata, place)
                    : new SafetensorsModelWriter(location.WeightsPath, request.Tensors, request.Metadata, request.MaxShardBytes, place, targets.Generation);
                return new ModelOutput(request, place, targets, folder, writer, note);
            }
            catch
            {
                folder.Dispose();
                throw;
            }
        });
    }

    /// <summary>Runs a step that writes; an error of the disk becomes one with a name and a remedy.</summary>
    public void Writing(Action step) => OutputErrors.Writing(Location.Folder, () =>
    {
        step();
        return true;
    });

    /// <summary>Gives all files their names.</summary>
    /// <param name="metadata">Final free text of the weights.</param>
    /// <param name="record">Content of <c>lowrank.json</c>; null for a dense model.</param>
    /// <param name="companionsFrom">Folder whose configuration goes along; null for none.</param>
    /// <param name="config">Content of a new <c>config.json</c>; null for none.</param>
    /// <returns>Path that opens the model.</returns>
    /// <exception cref="LowRankToolsException"><c>SourceChanged</c>, and those of the disk.</exception>
    public string Complete(IReadOnlyDictionary<string, string> metadata, byte[]? record, string? companionsFrom, byte[]? config = null)
    {
        List<PendingFile> small = [];
        try
        {
            return OutputErrors.Writing(Location.Folder, () =>
            {
                IReadOnlyList<PendingFile> weights = _writer.Finish(metadata);
                if (config is not null)
                    small.Add(Small(Path.Combine(Location.Folder, ConfigFile.FileName), config));
                if (companionsFrom is not null && Location.OwnFolder)
                    small.AddRange(Companions(companionsFrom, config is null ? null : ConfigFile.FileName));
                IReadOnlyList<PendingFile> before = [.. weights.SkipLast(1), .. small];
                if (record is not null)
                    small.Add(Small(Location.RecordPath, record));
                _request.Source.CheckUnchanged();
                IReadOnlyList<string> stale = _targets.Stale(_request.Source);
                OutputLeftovers.Announce(_folder.Held, weights.SkipLast(1), stale);
                new OutputCommit(_place, Location, _folder.Held, _request.Force).Run(before, weights[^1], record is null ? null : small[^1], stale);
                return _targets.Entry;
            });
        }
        finally
        {
            foreach (PendingFile file in small)
                file.File.Dispose();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _writer.Dispose();
        _folder.Dispose();
    }

    private PendingFile Small(string path, ReadOnlySpan<byte> content)
    {
        TemporaryFile file = new(Location.Folder, _place);
        file.Append(content);
        file.Flush();
        return new PendingFile(file, path);
    }

    /// <summary>Those that the folder has already are left as they are.</summary>
    private IEnumerable<PendingFile> Companions(string from, string? written)
    {
        foreach (string source in CompanionFiles.In(from))
        {
            string target = Path.Combine(Location.Folder, Path.GetFileName(source));
            if (!Path.Exists(target) && Path.GetFileName(source) != written)
                yield return Small(target, CompanionFiles.Read(source));
        }
    }
}
