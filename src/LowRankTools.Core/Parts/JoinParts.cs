using System.Diagnostics;
using System.Text;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Parts;

/// <summary>
/// Completes a model whose layers were factorized in parts (<see cref="FactorizePart"/>): the bytes are those of one run over the
/// whole model. Nothing is computed; what stays dense is copied from the model that the parts were made from.
/// </summary>
public sealed class JoinParts(JoinPartsOptions options)
{
    /// <summary>The folder of parts that a path means: itself, the one in it, the one beside a file, or the one that a part lies in.</summary>
    /// <param name="path">Full path.</param>
    public static string Folder(string path) => PartFolder.Find(path);

    /// <summary>Where the model of a folder of parts goes; the parts are looked at, and nothing is written.</summary>
    /// <param name="path">Full path of the output's folder or file, or of the folder of parts.</param>
    /// <exception cref="LowRankToolsException"><c>PartMissing</c>, <c>PartInvalid</c>, <c>PartMismatch</c>.</exception>
    public static OutputLocation Location(string path)
    {
        string folder = PartFolder.Find(path);
        using PartSet parts = PartSet.Open(folder);
        return parts.Location;
    }

    /// <summary>Joins the parts in a folder.</summary>
    /// <param name="path">Full path of the output's folder or file, or of the folder of parts.</param>
    /// <param name="progress">Told about every tensor, in bytes.</param>
    /// <param name="cancellationToken">Stops between pieces; nothing is left behind.</param>
    /// <exception cref="LowRankToolsException"><c>PartMissing</c>, <c>PartInvalid</c>, <c>PartMismatch</c>, and those of writing a model.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public FactorizationResult Run(string path, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        Stopwatch clock = Stopwatch.StartNew();
        string folder = PartFolder.Find(path);
        FactorizationResult result;
        IReadOnlyList<string> files;
        using (PartSet parts = PartSet.Open(folder))
        {
            files = [.. parts.Files.Select(f => f.Path)];
            PartRecord record = parts.Files[0].Record;
            ModelSource source = Source(options.SourcePath ?? record.SourcePath);
            using FactorizationJob job = Prepare(record, source, parts.Location, files, progress, cancellationToken);
            result = FactorizeModel.Run(job, clock, () => new StoredPairs(parts.Files), record.Options.ComputedBy, progress, cancellationToken);
        }
        if (result.Written && !options.KeepPart)
            Remove(folder, files);
        return result;
    }

    private FactorizationJob Prepare(PartRecord record, ModelSource source, OutputLocation location, IReadOnlyList<string> files, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        try
        {
            return FactorizationJob.Prepare(Options(record), source, location, record.Options.Format, files, progress, cancellationToken);
        }
        catch (LowRankToolsException e) when (e.ErrorId == CoreErrors.PlanModelMismatch)
        {
            throw new LowRankToolsException(CoreErrors.PartMismatch, $"{source.Path}: this is not the model that the parts were made from.", "Name that one with -SourcePath, or compute the parts again.", e);
        }
    }

    private FactorizeOptions Options(PartRecord record) => new()
    {
        Plan = RankPlanFile.Parse(Encoding.UTF8.GetBytes(record.Plan), "the plan of the parts"),
        AnyModel = record.Options.AnyModel,
        DType = record.Options.DType,
        Split = record.Options.Split,
        FirstBias = record.Options.FirstBias,
        Format = record.Options.Format,
        MaxShardBytes = record.Options.MaxShardBytes,
        Svd = new SvdOptions { Seed = record.Options.Seed },
        Engine = new EngineChoice { Engine = EngineKind.Embedded },
        Calibration = record.Options.Calibration is { } used
            ? new CalibrationOptions { Path = used.Path, Mode = used.Mode, Damping = used.Damping, Refit = used.Refit, Fingerprint = used.Fingerprint } : null,
        Force = options.Force,
        WhatIf = options.WhatIf,
    };

    private static ModelSource Source(string path)
    {
        IReadOnlyList<ModelSource> models = new ModelLocator().Find(path);
        return models.Count == 1 ? models[0] : throw new LowRankToolsException(CoreErrors.SeveralModelsFound, $"{path}: the folder holds {models.Count} models.", "Name one of them.");
    }

    private static void Remove(string folder, IReadOnlyList<string> files)
    {
        try
        {
            foreach (string file in files)
                File.Delete(file);
            if (!Directory.EnumerateFileSystemEntries(folder).Any())
                Directory.Delete(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LowRankToolsException(CoreErrors.OutputNotWritable, $"{folder}: the model is written, but its parts could not be removed: {e.Message}", "Remove the folder.", e);
        }
    }
}
