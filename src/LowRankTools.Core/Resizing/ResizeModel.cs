using System.Diagnostics;
using LowRankTools.Core.Architectures;
using LowRankTools.Core.Calibration;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Storage;
using LowRankTools.Formats;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Resizing;

/// <summary>
/// Makes the feed-forward parts of a transformer smaller: some of their hidden units stay, and what reads them is fitted to what all of them
/// gave on the inputs of a calibration (<see cref="HiddenUnits"/>). Heads of attention get narrower where the configuration has a number for that
/// (<see cref="HeadResizing"/>). The model stays dense and of its architecture, so that whatever runs it runs what is written.
/// </summary>
/// <param name="options">How many units and features of heads, what the parts were fed, output.</param>
public sealed class ResizeModel(ResizeOptions options)
{
    private const string Suffix = "-resized";

    /// <summary>Where the output of a model would go.</summary>
    public OutputLocation Location(ModelSource source) => OutputLocation.Resolve(options.OutputPath, source, FormatOf(source), Suffix);

    private ModelFormat FormatOf(ModelSource source) => OutputFormats.ChooseDense(options.Format, options.OutputPath, source);

    /// <summary>Makes one model smaller.</summary>
    /// <param name="source">A dense model whose parts are known by name.</param>
    /// <param name="progress">Told about every tensor.</param>
    /// <param name="cancellationToken">Stops inside the mathematics too; nothing is left behind.</param>
    /// <exception cref="LowRankToolsException"><c>FeedForwardNotFound</c>, <c>HeadSizeUnsupported</c>, <c>WeightsDoNotFit</c>, <c>CalibrationUnmatched</c>, <c>CalibrationInvalid</c>, <c>ConfigInvalid</c>,
    /// <c>OptionInvalid</c>, and those of opening models and of writing.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public ResizeResult Run(ModelSource source, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        options.Validate();
        Stopwatch clock = Stopwatch.StartNew();
        using Model model = Model.Open(source);
        ModelFormat format = FormatOf(source);
        OutputCheck.Source(model, format, options.DType);
        string? configPath = ResizedConfig.PathOf(source, format);
        IReadOnlyList<FeedForwardPart> parts = options.ResizesHidden ? FeedForwardParts.Of(model) : [];
        int? before = parts.Count > 0 ? parts[0].Hidden : null, kept = before is { } units ? options.Kept(units, source.Path) : null;
        using HeadResizing? heads = HeadResizing.Of(model, options, configPath);
        using CalibrationFile calibration = CalibrationFile.Open(options.Calibration.Path);
        PartCalibrations known = new(calibration, model);
        known.Check([.. parts.Select(p => p.Down), .. heads?.Calibrated ?? []]);
        List<OutputItem> items = OutputItems.Checked(Items(model, parts, kept ?? 0, heads, format), source.Path);
        OutputLocation location = Location(source);
        CompanionFiles.Check(location, source);
        ResizedConfig? config = configPath is null ? null : ResizedConfig.Read(configPath, before);
        SourceFiles read = SourceFiles.Of([.. model.File.Files, .. configPath is null ? [] : (string[])[configPath]]);
        if (config is not null)
            CheckConfig(location, read);
        Dictionary<string, string> metadata = OutputItems.Metadata(model.File, format, items, record: null, model.Decompositions);
        OutputRequest request = new(location, format, [.. items.SelectMany(i => i.Written)], metadata)
        {
            MaxShardBytes = options.MaxShardBytes, Source = read, Disk = options.Disk, Force = options.Force,
            Gguf = GgufContents.Of(model, format, ResizedConfig.Values(model, format, kept, heads?.Size)),
        };
        ResizeResult result = Planned(model, items, location, Unsaid(config, format, heads)) with
        {
            HiddenBefore = before,
            Hidden = kept,
            ResizedParts = parts.Count,
            HeadSizeBefore = heads?.Shape.Size,
            HeadSize = heads?.Size,
            ValueSizeBefore = heads?.Shape.ValueSize,
            ValueSize = heads?.ValueSize,
            ResizedAttention = heads?.Parts.Count ?? 0,
        };
        if (options.WhatIf)
            return result with { Displaced = request.Displaced().ToArray() };
        ITensorEngine engine = EngineSelector.Select(options.Engine).Create(options.ThreadCount, 0);
        heads?.Choose(engine, known, cancellationToken);
        byte[]? said = config?.With(kept, heads?.Said);
        using ModelOutput output = ModelOutput.Create(request);
        using ResizedTensors tensors = new(model, output, part =>
        {
            using LayerCalibration fed = known.Read(part.Down, engine, cancellationToken);
            return LayerMathematics.Named(model, part.Down, () => FittedPart.Compute(engine, model, part, fed, options, kept!.Value, cancellationToken));
        });
        TensorCopier copier = new(model.File, output);
        Write(items, item =>
        {
            switch (item)
            {
                case ResizedItem resized:
                    tensors.Write(resized, cancellationToken);
                    break;
                case ResizedHeadItem head:
                    heads!.Write(head, output, engine, known, cancellationToken);
                    break;
                case DivisorItem turns:
                    heads!.Write(turns, output, cancellationToken);
                    break;
                default:
                    copier.Write(item, cancellationToken);
                    break;
            }
        }, progress, cancellationToken);
        string entry = output.Complete(metadata, record: null, Path.GetDirectoryName(source.Path), said);
        return result with { Path = entry, Written = true, Parts = [.. tensors.Results, .. heads?.Results ?? []], Seconds = clock.Elapsed.TotalSeconds, Displaced = output.Displaced.ToArray(), Note = $"{result.Note} {output.Note}".Trim() };
    }

    private static void Write(List<OutputItem> items, Action<OutputItem> write, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        for (int i = 0; i < items.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            progress?.Report(new OperationProgress("Resizing", items[i].Names.First(), i, items.Count));
            write(items[i]);
        }
    }

    private List<OutputItem> Items(Model model, IReadOnlyList<FeedForwardPart> parts, int kept, HeadResizing? heads, ModelFormat format)
    {
        Dictionary<string, FeedForwardPart> owners = new(StringComparer.Ordinal);
        foreach (FeedForwardPart part in parts)
        {
            foreach (ModelLayer layer in (ModelLayer[])[.. part.Inputs, .. part.Biases, part.Down])
                owners[layer.Shape.Name] = part;
        }
        Dictionary<string, TensorInfo> tensors = model.Layers.ToDictionary(l => l.Shape.Name, l => l.Tensor, StringComparer.Ordinal);
        IReadOnlyDictionary<string, OutputItem> others = heads?.Items(format) ?? new Dictionary<string, OutputItem>();
        return
        [
            .. model.Layers.Select(layer => others.GetValueOrDefault(layer.Shape.Name) ?? Item(layer, owners.GetValueOrDefault(layer.Shape.Name), kept, tensors, format)),
            .. others.Where(o => !tensors.ContainsKey(o.Key)).Select(o => o.Value),
        ];
    }

    private OutputItem Item(ModelLayer layer, FeedForwardPart? part, int kept, Dictionary<string, TensorInfo> tensors, ModelFormat format)
    {
        TensorDType copied = OutputTypes.Copy(layer.Tensor.DType, format, options.DType);
        if (part is not null)
        {
            // Hidden units are columns where they are read, or where inputs come first.
            bool down = ReferenceEquals(layer, part.Down), columns = down == (layer.Shape.Orientation != WeightOrientation.InOut) && layer.Tensor.Shape.Length == 2;
            long[] shape = [.. layer.Tensor.Shape];
            shape[columns ? 1 : 0] = kept;
            bool computed = down || layer.Shape.Orientation == WeightOrientation.InOut && layer.Tensor.Shape.Length == 2;
            return new ResizedItem(part, layer, new TensorSpec(layer.Shape.Name, computed ? OutputTypes.Weight(layer.Tensor.DType, options.DType, format, shape) : copied, [.. shape]));
        }
        TensorSpec spec = new(layer.Shape.Name, copied, layer.Tensor.Shape);
        return OutputItems.Kept(layer, spec, tensors);
    }

    private void CheckConfig(OutputLocation location, SourceFiles read)
    {
        if (!location.OwnFolder)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{location.WeightsPath}: the smaller model needs a config.json of its own, and a file alone has none.", "Name a folder with -OutputPath.");
        string path = Path.Combine(location.Folder, ConfigFile.FileName);
        if (read.Contains(path))
            throw new LowRankToolsException(CoreErrors.OutputIsSource, $"{path}: the configuration of the model that is read would be replaced.", "Choose another -OutputPath.");
        OutputCheck.Free([path], options.Force || options.WhatIf);
    }

    private static string Unsaid(ResizedConfig? config, ModelFormat format, HeadResizing? heads) =>
        config is null && format != ModelFormat.Gguf ? "There is no config.json beside the model: nothing says the new number of hidden units."
        : heads is not null && heads.ValueSize != heads.Size ? $"Heads of values have another size than those of queries, which the field {LlamaConfig.ValueField} says: networks of this project read it, others do not."
        : "";

    private ResizeResult Planned(Model model, List<OutputItem> items, OutputLocation location, string note)
    {
        List<LayerShape> own = [.. model.Layers.Select(l => l.Shape).Where(s => s.TiedTo is null)];
        List<TensorSpec> written = [.. items.SelectMany(i => i.Written)];
        return new ResizeResult
        {
            Path = location.WeightsPath,
            Source = model.Source.Path,
            Name = model.Source.Name,
            Written = false,
            HiddenBefore = null,
            Hidden = null,
            Selection = options.Selection.ToString(),
            ResizedParts = 0,
            ParametersBefore = own.Sum(s => s.Parameters),
            Parameters = written.Sum(t => TensorShape.ElementCount(t.Shape, t.Name)),
            BytesBefore = own.Sum(s => s.Bytes),
            Bytes = written.Sum(t => t.ByteLength),
            Note = note,
        };
    }
}
