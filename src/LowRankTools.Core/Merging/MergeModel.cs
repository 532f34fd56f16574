using System.Diagnostics;
using LowRankTools.Core.Decompositions;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Records;
using LowRankTools.Core.Storage;
using LowRankTools.Formats;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Merging;

/// <summary>Multiplies the pairs and the decomposed tensors of a model out and writes the dense model that has the same outputs.</summary>
public sealed class MergeModel(MergeOptions options)
{
    private const string Suffix = "-merged";

    /// <summary>Where the output of a model would go.</summary>
    public OutputLocation Location(ModelSource source) =>
        OutputLocation.Resolve(options.OutputPath, source, FormatOf(source), Suffix);

    private ModelFormat FormatOf(ModelSource source) => OutputFormats.ChooseDense(options.Format, options.OutputPath, source);

    /// <summary>Merges one model.</summary>
    /// <param name="source">A model that <see cref="FactorizeModel"/> or <see cref="DecomposeTensors"/> wrote.</param>
    /// <param name="progress">Told about every tensor.</param>
    /// <param name="cancellationToken">Stops inside the mathematics too; nothing is left behind.</param>
    /// <exception cref="LowRankToolsException"><c>NoFactorsFound</c> and others of <see cref="CoreErrors"/> and <see cref="FormatErrors"/>.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public MergeResult Run(ModelSource source, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        options.Validate();
        Stopwatch clock = Stopwatch.StartNew();
        using Model model = Model.Open(source);
        if (model.Record is null && model.Decompositions is null)
        {
            throw new LowRankToolsException(CoreErrors.NoFactorsFound, $"{source.Path}: the model holds no low-rank pairs and no decomposed tensors that are on record.",
                $"Keep {FactorizationRecord.FileName} beside the weights that Invoke-LowRankFactorization wrote; Invoke-TensorDecomposition's record is in their metadata.");
        }
        ModelFormat format = FormatOf(source);
        OutputCheck.Source(model, format, options.DType);
        List<OutputItem> items = OutputItems.Checked([.. DenseTensors.List(model).Select(t => Item(model, t, format))], source.Path);
        OutputLocation location = Location(source);
        CompanionFiles.Check(location, source);
        SourceFiles read = SourceFiles.Of(model.File.Files);
        Dictionary<string, string> metadata = OutputItems.Metadata(model.File, format, items, record: null, decompositions: null);
        OutputRequest request = new(location, format, [.. items.SelectMany(i => i.Written)], metadata)
        {
            MaxShardBytes = options.MaxShardBytes, Source = read, Disk = options.Disk,
            Force = options.Force, Gguf = GgufContents.Of(model, format),
        };
        MergeResult result = Planned(model, items, location);
        if (options.WhatIf)
            return result with { Displaced = request.Displaced().ToArray() };
        using ModelOutput output = ModelOutput.Create(request);
        Write(model, items, output, progress, cancellationToken);
        string entry = output.Complete(metadata, record: null, Path.GetDirectoryName(model.Source.Path));
        return result with { Path = entry, Written = true, Seconds = clock.Elapsed.TotalSeconds, Displaced = output.Displaced.ToArray(), Note = output.Note };
    }

    private static void Write(Model model, List<OutputItem> items, ModelOutput output, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        TensorCopier copier = new(model.File, output);
        for (int i = 0; i < items.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            progress?.Report(new OperationProgress("Merging", items[i].Names.First(), i, items.Count));
            switch (items[i])
            {
                case MergedItem merged:
                    using (Matrix<float> product = merged.Tensor.Read(model.File, cancellationToken))
                        MatrixRows.Write(output, merged.Spec, product.View, source: model.Source.Path, cancellationToken);
                    break;
                default:
                    copier.Write(items[i], cancellationToken);
                    break;
            }
        }
    }

    private OutputItem Item(Model model, DenseTensor tensor, ModelFormat format)
    {
        TensorDType dtype = OutputTypes.Copy(tensor.DType, format, options.DType);
        if (tensor.Plain is not { } plain)
        {
            TensorDType merged = OutputTypes.Weight(dtype, options.DType, format, [.. tensor.Shape], TensorDType.F32);
            TensorSpec product = new(tensor.Name, merged, [.. tensor.Shape]);
            return tensor.TiedTo is { } leader ? new OutputItem.Alias(product, leader) : new MergedItem(tensor, product);
        }
        TensorSpec spec = new(tensor.Name, dtype, plain.Shape);
        string? tiedTo = model.Layers.FirstOrDefault(l => ReferenceEquals(l.Tensor, plain))?.Shape.TiedTo;
        bool alias = tiedTo is not null && model.Layers.Any(l => l.Shape.Name == tiedTo && TensorTies.SameData(l.Tensor, plain));
        return alias ? new OutputItem.Alias(spec, tiedTo!) : new OutputItem.Copy(plain, spec);
    }

    private static MergeResult Planned(Model model, List<OutputItem> items, OutputLocation location)
    {
        List<LayerShape> own = [.. model.Layers.Select(l => l.Shape).Where(s => s.TiedTo is null)];
        List<TensorSpec> written = [.. items.SelectMany(i => i.Written)];
        return new MergeResult
        {
            Path = location.WeightsPath,
            Source = model.Source.Path,
            Name = model.Source.Name,
            Written = false,
            MergedLayers = items.Count(i => i is MergedItem),
            ParametersBefore = own.Sum(s => s.Parameters),
            Parameters = written.Sum(t => TensorShape.ElementCount(t.Shape, t.Name)),
            BytesBefore = own.Sum(s => s.Bytes),
            Bytes = written.Sum(t => t.ByteLength),
        };
    }
}
