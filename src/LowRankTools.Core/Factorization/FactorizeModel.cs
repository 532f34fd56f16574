using System.Diagnostics;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Factors;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Formats;
using LowRankTools.Formats.Writing;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines.Embedded;

namespace LowRankTools.Core.Factorization;

/// <summary>
/// Replaces weight matrices of a model by pairs of their leading singular vectors and writes the smaller model.
/// Streams: at any time one layer is in memory. The best rank-r approximation of W in the Frobenius norm is its
/// truncated singular value decomposition (Eckart and Young, 1936).
/// </summary>
public sealed class FactorizeModel(FactorizeOptions options)
{
    private const string Suffix = "-lowrank";

    /// <summary>Where the output of a model would go.</summary>
    public OutputLocation Location(ModelSource source) =>
        OutputLocation.Resolve(options.OutputPath, source, FormatOf(source), Suffix);

    /// <summary>Format that a model would be written in.</summary>
    internal ModelFormat FormatOf(ModelSource source) => OutputFormats.Choose(options.Format, options.OutputPath, source);

    /// <summary>Factorizes one model, or only plans it (<see cref="FactorizeOptions.WhatIf"/>).</summary>
    /// <param name="source">The model.</param>
    /// <param name="progress">Told about every tensor, in bytes.</param>
    /// <param name="cancellationToken">Stops inside the mathematics too; nothing is left behind.</param>
    /// <exception cref="LowRankToolsException">See <see cref="CoreErrors"/> and <see cref="FormatErrors"/>.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public FactorizationResult Run(ModelSource source, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        options.Validate();
        Stopwatch clock = Stopwatch.StartNew();
        if (!options.WhatIf && EngineSelector.Select(options.Engine).IsEmbedded)
            AheadOfUse.Begin();
        using FactorizationJob job = FactorizationJob.Prepare(options, source, Location(source), FormatOf(source), [], progress, cancellationToken);
        return Run(job, clock, () => new ComputedPairs(job, [.. job.Items.OfType<FactoredItem>()], cancellationToken), job.ComputedBy, progress, cancellationToken);
    }

    /// <summary>Writes what was prepared, its pairs wherever they come from, or says what would be written.</summary>
    internal static FactorizationResult Run(FactorizationJob job, Stopwatch clock, Func<IPairSource> open, string computedBy, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        FactorizationResult result = FactorizationResults.Planned(job);
        OutputRequest request = job.Request();
        if (job.Options.WhatIf)
            return result with { Displaced = request.Displaced().ToArray() };
        if (result.FactorizedLayers == 0 && !job.Items.Exists(i => i is OutputItem.Quantized or OutputItem.Pruned))
            throw FactorizationResults.NothingToDo(job.Plan);
        Dictionary<string, MeasuredPair> measured = new(StringComparer.Ordinal);
        using ModelOutput output = ModelOutput.Create(request);
        using (IPairSource pairs = open())
            Write(job, pairs, output, measured, progress, cancellationToken);
        FactorizationRecord record = job.Record(name => measured[name], computedBy);
        string entry = output.Complete(job.Metadata(record), record.ToFile(), Path.GetDirectoryName(job.Model.Source.Path));
        return FactorizationResults.Finished(job, result, entry, measured, output.Note) with { Seconds = clock.Elapsed.TotalSeconds, Displaced = output.Displaced.ToArray() };
    }

    private static void Write(FactorizationJob job, IPairSource pairs, ModelOutput output,
        Dictionary<string, MeasuredPair> measured, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        TensorCopier copier = new(job.Model.File, output);
        long done = 0, total = job.Model.Layers.Sum(l => l.Shape.Bytes);
        if (output.Writer is IGraphWriter graph)
            output.Writing(() => graph.CopyUnchanged(cancellationToken));
        foreach (OutputItem item in job.Items)
        {
            cancellationToken.ThrowIfCancellationRequested();
            progress?.Report(new OperationProgress("Factorizing", item.Names.First(), done, total));
            switch (item)
            {
                case FactoredItem pair:
                    foreach ((LayerPlan plan, MeasuredPair one) in pair.Plans.Zip(pairs.Write(pair, output, cancellationToken)))
                    {
                        measured[plan.Name] = one;
                        done += plan.BytesBefore;
                    }
                    break;
                case OutputItem.Quantized quantized:
                    measured[quantized.Tensor.Name] = DenseQuantizer.Write(job.Model.File, quantized, output, cancellationToken);
                    done += quantized.Tensor.StoredBytes;
                    break;
                case OutputItem.Pruned pruned:
                    measured[pruned.Layer.Shape.Name] = DensePruner.Write(job, pruned, output, cancellationToken);
                    done += pruned.Layer.Tensor.StoredBytes;
                    break;
                case OutputItem.Copy when output.Writer is IGraphWriter:
                    break;
                default:
                    copier.Write(item, cancellationToken);
                    done += item is OutputItem.Copy copy ? copy.Tensor.ByteLength : 0;
                    break;
            }
        }
    }
}
