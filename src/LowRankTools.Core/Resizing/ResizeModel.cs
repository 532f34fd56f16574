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
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Resizing;

/// <summary>
/// Makes the feed-forward parts of a transformer smaller: some of their hidden units stay, and what reads them is fitted to what all of them
/// gave on the inputs of a calibration (<see cref="HiddenUnits"/>). The model stays dense and of its architecture, so that whatever runs it runs
/// what is written. Attention stays as it is: its widths have no number of their own in the configurations, or one that the turns of
/// rotary positions hang on.
/// </summary>
/// <param name="options">How many units, what the parts were fed, output.</param>
public sealed class ResizeModel(ResizeOptions options)
{
    private const string Suffix = "-resized";

    /// <summary>Where the output of a model would go.</summary>
    public OutputLocation Location(ModelSource source) => OutputLocation.Resolve(options.OutputPath, source, FormatOf(source), Suffix);

    private ModelFormat FormatOf(ModelSource source) => OutputFormats.ChooseDense(options.Format, options.OutputPath, source);

    /// <summary>Makes one model smaller.</summary>
    /// <param name="source">A dense model whose feed-forward parts are known by name.</param>
    /// <param name="progress">Told about every tensor.</param>
    /// <param name="cancellationToken">Stops inside the mathematics too; nothing is left behind.</param>
    /// <exception cref="LowRankToolsException"><c>FeedForwardNotFound</c>, <c>WeightsDoNotFit</c>, <c>CalibrationUnmatched</c>, <c>CalibrationInvalid</c>, <c>ConfigInvalid</c>,
    /// <c>OptionInvalid</c>, and those of opening models and of writing.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public ResizeResult Run(ModelSource source, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        options.Validate();
        Stopwatch clock = Stopwatch.StartNew();
        using Model model = Model.Open(source);
        ModelFormat format = FormatOf(source);
        OutputCheck.Source(model, format, options.DType);
        IReadOnlyList<FeedForwardPart> parts = FeedForwardParts.Of(model);
        int before = parts[0].Hidden, kept = options.Kept(before, source.Path);
        using CalibrationFile calibration = CalibrationFile.Open(options.Calibration.Path);
        PartCalibrations known = new(calibration, model);
        known.Check(parts);
        List<OutputItem> items = OutputItems.Checked(Items(model, parts, kept, format), source.Path);
        OutputLocation location = Location(source);
        CompanionFiles.Check(location, source);
        string? configPath = HiddenSizeConfig.PathOf(source, format);
        byte[]? config = configPath is null ? null : HiddenSizeConfig.With(configPath, before, kept);
        SourceFiles read = SourceFiles.Of([.. model.File.Files, .. configPath is null ? [] : (string[])[configPath]]);
        if (config is not null)
            CheckConfig(location, read);
        Dictionary<string, string> metadata = OutputItems.Metadata(model.File, format, items, record: null, model.Decompositions);
        OutputRequest request = new(location, format, [.. items.SelectMany(i => i.Written)], metadata)
        {
            MaxShardBytes = options.MaxShardBytes, Source = read, Disk = options.Disk, Force = options.Force,
            Gguf = GgufContents.Of(model, format, HiddenSizeConfig.Values(model, format, kept)),
        };
        ResizeResult result = Planned(model, parts, kept, items, location, config is null && format != ModelFormat.Gguf);
        if (options.WhatIf)
            return result with { Displaced = request.Displaced().ToArray() };
        ITensorEngine engine = EngineSelector.Select(options.Engine).Create(options.ThreadCount, 0);
        using ModelOutput output = ModelOutput.Create(request);
        using ResizedTensors tensors = new(model, output, part =>
        {
            using LayerCalibration fed = known.Read(part, engine, cancellationToken);
            return LayerMathematics.Named(model, part.Down, () => FittedPart.Compute(engine, model, part, fed, options, kept, cancellationToken));
        });
        Write(model, items, output, tensors, progress, cancellationToken);
        string entry = output.Complete(metadata, record: null, Path.GetDirectoryName(source.Path), config);
        return result with { Path = entry, Written = true, Parts = [.. tensors.Results], Seconds = clock.Elapsed.TotalSeconds, Displaced = output.Displaced.ToArray(), Note = $"{result.Note} {output.Note}".Trim() };
    }

    private static void Write(Model model, List<OutputItem> items, ModelOutput output, ResizedTensors tensors, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        TensorCopier copier = new(model.File, output);
        for (int i = 0; i < items.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            progress?.Report(new OperationProgress("Resizing", items[i].Names.First(), i, items.Count));
            if (items[i] is ResizedItem resized)
                tensors.Write(resized, cancellationToken);
            else
                copier.Write(items[i], cancellationToken);
        }
    }

    private List<OutputItem> Items(Model model, IReadOnlyList<FeedForwardPart> parts, int kept, ModelFormat format)
    {
        Dictionary<string, FeedForwardPart> owners = new(StringComparer.Ordinal);
        foreach (FeedForwardPart part in parts)
        {
            foreach (ModelLayer layer in (ModelLayer[])[.. part.Inputs, .. part.Biases, part.Down])
                owners[layer.Shape.Name] = part;
        }
        Dictionary<string, TensorInfo> tensors = model.Layers.ToDictionary(l => l.Shape.Name, l => l.Tensor, StringComparer.Ordinal);
        return [.. model.Layers.Select(layer => Item(layer, owners.GetValueOrDefault(layer.Shape.Name), kept, tensors, format))];
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

    private ResizeResult Planned(Model model, IReadOnlyList<FeedForwardPart> parts, int kept, List<OutputItem> items, OutputLocation location, bool unsaid)
    {
        List<LayerShape> own = [.. model.Layers.Select(l => l.Shape).Where(s => s.TiedTo is null)];
        List<TensorSpec> written = [.. items.SelectMany(i => i.Written)];
        return new ResizeResult
        {
            Path = location.WeightsPath,
            Source = model.Source.Path,
            Name = model.Source.Name,
            Written = false,
            HiddenBefore = parts[0].Hidden,
            Hidden = kept,
            Selection = options.Selection.ToString(),
            ResizedParts = parts.Count,
            ParametersBefore = own.Sum(s => s.Parameters),
            Parameters = written.Sum(t => TensorShape.ElementCount(t.Shape, t.Name)),
            BytesBefore = own.Sum(s => s.Bytes),
            Bytes = written.Sum(t => t.ByteLength),
            Note = unsaid ? "There is no config.json beside the model: nothing says the new number of hidden units." : "",
        };
    }
}
