using System.Buffers.Binary;
using System.Diagnostics;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Storage;
using LowRankTools.Formats;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Adapters.Editing;

/// <summary>
/// Adds an adapter to the weights of a base model and writes the model that answers as both together do. Weights pass
/// through memory one by one; what the adapter does not touch is copied bit for bit.
/// </summary>
public sealed class MergeAdapter(MergeAdapterOptions options)
{
    /// <summary>Where the output of a base model and an adapter would go.</summary>
    public OutputLocation Location(ModelSource baseModel, ModelSource adapter) => OutputLocation.Resolve(options.OutputPath, Named(baseModel, adapter), FormatOf(baseModel), "");

    private ModelFormat FormatOf(ModelSource baseModel) => OutputFormats.ChooseDense(options.Format, options.OutputPath, baseModel);

    /// <summary>Merges one adapter.</summary>
    /// <param name="baseModel">The model that the adapter was trained on.</param>
    /// <param name="adapterSource">The adapter's weights.</param>
    /// <param name="progress">Told about every tensor.</param>
    /// <param name="cancellationToken">Stops inside the mathematics too; nothing is left behind.</param>
    /// <exception cref="LowRankToolsException"><c>AdapterDoesNotFit</c>, <c>AdapterPartNotCarried</c>, those of <see cref="Adapter.Open"/>
    /// and others of <see cref="CoreErrors"/> and <see cref="FormatErrors"/>.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public MergeAdapterResult Run(ModelSource baseModel, ModelSource adapterSource, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        options.Validate();
        Stopwatch clock = Stopwatch.StartNew();
        using Adapter adapter = Adapter.Open(adapterSource, options.Alpha);
        using Model model = Model.Open(baseModel);
        // DoRA's rows are rescaled whole: half of that is another formula than half of the adapter.
        adapter.RefuseOthers(withMagnitudes: options.Weight != 1);
        ModelFormat format = FormatOf(baseModel);
        OutputCheck.Source(model, format, options.DType);
        AdapterFit fit = AdapterFit.Of(adapter, model);
        fit.Require();
        List<OutputItem> items = OutputItems.Checked(Items(model, fit, format), baseModel.Path);
        OutputLocation location = Location(baseModel, adapterSource);
        CompanionFiles.Check(location, baseModel);
        Dictionary<string, string> metadata = OutputItems.Metadata(model.File, format, items, record: null, model.Decompositions);
        OutputRequest request = new(location, format, [.. items.SelectMany(i => i.Written)], metadata)
        {
            MaxShardBytes = options.MaxShardBytes, Source = SourceFiles.Of([.. model.File.Files, .. adapter.Files]), Disk = options.Disk, Force = options.Force, Gguf = GgufContents.Of(model, format),
        };
        MergeAdapterResult result = Planned(model, adapter, items, location);
        if (options.WhatIf)
            return result with { Displaced = request.Displaced().ToArray() };
        using ModelOutput output = ModelOutput.Create(request);
        double rounding = Write(model, items, output, progress, cancellationToken);
        string entry = output.Complete(metadata, record: null, Path.GetDirectoryName(baseModel.Path));
        return result with { Path = entry, Written = true, RoundingError = rounding, Seconds = clock.Elapsed.TotalSeconds, Displaced = output.Displaced.ToArray(), Note = output.Note };
    }

    private static ModelSource Named(ModelSource baseModel, ModelSource adapter) => baseModel with { Name = $"{baseModel.Name}-{AdapterReader.Named(adapter).Name}" };

    private List<OutputItem> Items(Model model, AdapterFit fit, ModelFormat format)
    {
        Dictionary<string, AdapterTarget> targets = fit.Targets.ToDictionary(t => t.Layer.Shape.Name, StringComparer.Ordinal);
        Dictionary<string, TensorInfo> tensors = model.Layers.ToDictionary(l => l.Shape.Name, l => l.Tensor, StringComparer.Ordinal);
        return [.. model.Layers.Select(layer => Item(layer, targets.GetValueOrDefault(layer.Shape.Name), tensors, format))];
    }

    private OutputItem Item(ModelLayer layer, AdapterTarget? target, Dictionary<string, TensorInfo> tensors, ModelFormat format)
    {
        if (target is not null)
            return new AdaptedItem(target, new TensorSpec(layer.Shape.Name, OutputTypes.Weight(layer.Tensor.DType, options.DType, format, layer.Tensor.Shape), layer.Tensor.Shape));
        TensorSpec spec = new(layer.Shape.Name, OutputTypes.Copy(layer.Tensor.DType, format, options.DType), layer.Tensor.Shape);
        return OutputItems.Kept(layer, spec, tensors);
    }

    private double Write(Model model, List<OutputItem> items, ModelOutput output, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        TensorCopier copier = new(model.File, output);
        RoundingLoss loss = new();
        for (int i = 0; i < items.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            progress?.Report(new OperationProgress("Merging", items[i].Names.First(), i, items.Count));
            switch (items[i])
            {
                case AdaptedItem { Target.Layer.Tensor.DType: TensorDType.F64, Spec.DType: TensorDType.F64, Target.Module.Magnitude: null } wide:
                    WriteWide(model, wide, output, cancellationToken);
                    break;
                case AdaptedItem adapted:
                    using (Matrix<float> merged = LayerMathematics.Named(model, adapted.Target.Layer, () => adapted.Target.Merge(model.File, options.Weight, cancellationToken)))
                    {
                        loss.Add(merged, adapted.Spec.DType, $"{model.Source.Path}: tensor '{adapted.Spec.Name}'");
                        MatrixRows.Write(output, adapted.Spec, merged.View, model.Source.Path, cancellationToken);
                    }
                    break;
                default:
                    copier.Write(items[i], cancellationToken);
                    break;
            }
        }
        return loss.Relative;
    }

    // Float32 has no room for a float64 weight: the delta alone is computed in it, and added to the weight as it is.
    private void WriteWide(Model model, AdaptedItem item, ModelOutput output, CancellationToken cancellationToken)
    {
        using Matrix<float> delta = item.Target.Delta(options.Weight, cancellationToken);
        byte[] bytes = new byte[1 << 20];
        int step = bytes.Length / sizeof(double);
        output.Writing(() => output.Writer.Begin(item.Spec));
        for (int first = 0; first < delta.Columns; first += step)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int count = Math.Min(step, delta.Columns - first);
            Memory<byte> part = bytes.AsMemory(0, count * sizeof(double));
            model.File.ReadBytes(item.Target.Layer.Tensor, (long)first * sizeof(double), part.Span);
            ReadOnlySpan<float> added = delta.Row(0).Slice(first, count);
            for (int i = 0; i < count; i++)
            {
                Span<byte> value = part.Span.Slice(i * sizeof(double), sizeof(double));
                BinaryPrimitives.WriteDoubleLittleEndian(value, BinaryPrimitives.ReadDoubleLittleEndian(value) + added[i]);
            }
            output.Writing(() => output.Writer.Write(part.Span));
        }
    }

    private static MergeAdapterResult Planned(Model model, Adapter adapter, List<OutputItem> items, OutputLocation location)
    {
        List<TensorSpec> written = [.. items.SelectMany(i => i.Written)];
        return new MergeAdapterResult
        {
            Path = location.WeightsPath,
            Source = model.Source.Path,
            Adapter = adapter.Source.Path,
            Name = Named(model.Source, adapter.Source).Name,
            Written = false,
            MergedLayers = items.Count(i => i is AdaptedItem),
            AdapterParameters = adapter.Parameters,
            Parameters = written.Sum(t => TensorShape.ElementCount(t.Shape, t.Name)),
            Bytes = written.Sum(t => t.ByteLength),
        };
    }
}
