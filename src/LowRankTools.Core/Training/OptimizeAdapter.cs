using System.Diagnostics;
using LowRankTools.Core.Adapters;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Architectures;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Tokens;
using LowRankTools.Formats.Tensors;
using LowRankTools.Networks.Lora;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Training;

/// <summary>
/// Trains an adapter beside the weights of a model, which stay as they are: of each chosen layer A and B alone (Hu et al., "LoRA", 2021), of DoRA the lengths
/// too (Liu et al., 2024). A training that was cancelled goes on from its checkpoint and comes to the bits of one that ran through.
/// </summary>
/// <param name="options">Adapter, text, steps, goal, output.</param>
public sealed class OptimizeAdapter(OptimizeAdapterOptions options)
{
    /// <summary>Where the adapter of a model would go.</summary>
    public OutputLocation Location(ModelSource source)
    {
        AdapterLayout layout = options.Output.AnyLayoutFor(AdapterLayout.Peft);
        return options.Adapter is { } adapter ? options.Output.Location(adapter, layout, "-optimized") : options.Output.Location(source, layout, "-lora");
    }

    /// <summary>Trains the adapter of one model.</summary>
    /// <param name="source">The model, dense in the layers that are adapted.</param>
    /// <param name="progress">Told about tensors, lines and steps.</param>
    /// <param name="cancellationToken">Stops within a step, which is then as if it had not begun; the checkpoint is saved, the adapter is not.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, <c>TextInvalid</c>, <c>AdapterDoesNotFit</c>, <c>AdapterUnsupported</c>, <c>LayerNotFound</c>, <c>RankExceedsLayer</c>, <c>InputInvalid</c>,
    /// <c>CheckpointDoesNotFit</c>, <c>LossNotFinite</c>, and those of tokenizers, of opening models and adapters and of writing.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public OptimizeAdapterResult Run(ModelSource source, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        options.Validate();
        Stopwatch clock = Stopwatch.StartNew();
        INetworkEngine engine = EngineSelector.SelectForNetworks(options.Engine, options.ThreadCount).CreateForNetworks(options.ThreadCount);
        using Model file = Model.Open(source);
        using Adapter? adapter = options.Adapter is null ? null : Adapter.Open(options.Adapter, options.Alpha);
        using RunnableModel student = RunnableModel.Open(source, engine, progress, cancellationToken);
        using RunnableModel? teacher = options.Reference is null ? null : RunnableModel.Open(options.Reference, engine, progress, cancellationToken);
        if (teacher is not null && (student.Config.ModelType != teacher.Config.ModelType || student.Config.TokenCount != teacher.Config.TokenCount))
            throw new LowRankToolsException(CoreErrors.InputInvalid, $"{source.Path}: the model does not read the tokens of its original {teacher.Source.Path}.", "Name another model with -ReferencePath, or none.");
        DistillationGoal goal = options.GoalFor(student.Config, teacher is not null);
        TrainingText text = TrainingText.Read(options, source, student.Config, progress, cancellationToken);
        IReadOnlyList<AdaptedLayer> layers = adapter is null
            ? AdaptedLayer.Fresh(options.New! with { Seed = options.Seed }, file, student, cancellationToken)
            : AdaptedLayer.Of(adapter, file, student, cancellationToken);
        student.Network.MarkOnlyLoraTrainable();
        AdapterWriter writer = Writer(file, adapter, layers);
        OptimizeAdapterResult result = Planned(source, student, writer, layers, goal, text);
        List<AdapterFactors> factors = Factors(student.Engine, writer, layers);
        try
        {
            result = result with { Displaced = writer.Displaced(factors) };
            if (options.Output.WhatIf)
                return result;
            writer.Check();
            string[] models = [source.Path, .. options.Adapter is null ? [] : new[] { options.Adapter.Path }, .. options.Reference is null ? [] : new[] { options.Reference.Path }];
            result = new TextTraining(options, student, teacher, text, goal).Run(result, models, Trained(layers), progress, cancellationToken);
            factors.ForEach(f => f.Dispose());
            factors = Factors(student.Engine, writer, layers);
            (string path, string note) = writer.Write(factors, cancellationToken);
            return result with { Path = path, Written = true, Note = note, Seconds = clock.Elapsed.TotalSeconds };
        }
        finally
        {
            factors.ForEach(f => f.Dispose());
        }
    }

    /// <summary>What is trained, for the checkpoint: a scale that is said elsewhere is none of its tensors.</summary>
    private static string Trained(IReadOnlyList<AdaptedLayer> layers) =>
        string.Join(' ', layers.Select(l => FormattableString.Invariant($"{l.Module}*{l.Layer.Options.Scaling:R}")));

    private AdapterWriter Writer(Model file, Adapter? adapter, IReadOnlyList<AdaptedLayer> layers)
    {
        // One configuration has one alpha: where modules differ their scales go into the factors.
        (int Rank, double Scaling) first = Of(layers[0]);
        bool one = layers.All(l => Of(l) == first);
        bool inOut = layers.All(l => l.Weight.Shape.Orientation == WeightOrientation.InOut);
        return new AdapterWriter(Location(file.Source), options.Output.AnyLayoutFor(AdapterLayout.Peft), options.Output.DType ?? TensorDType.F32, options.Output)
        {
            Source = SourceFiles.Of([.. file.File.Files, .. adapter?.Files ?? []]),
            Notes = adapter?.Notes.Any() == true ? adapter.Notes : [("base_model_name_or_path", file.Source.Name)],
            FanInFanOut = adapter?.FanInFanOut ?? inOut,
            Alpha = one ? first.Scaling * first.Rank : null,
        };
    }

    private static (int Rank, double Scaling) Of(AdaptedLayer layer) => (layer.Layer.Options.Rank, layer.Layer.Options.Scaling);

    private static List<AdapterFactors> Factors(INetworkEngine engine, AdapterWriter writer, IReadOnlyList<AdaptedLayer> layers) =>
        [.. layers.Select(l => l.Factors(engine, writer.Alpha is null ? l.Layer.Options.Scaling : 1))];

    private OptimizeAdapterResult Planned(ModelSource source, RunnableModel student, AdapterWriter writer, IReadOnlyList<AdaptedLayer> layers, DistillationGoal goal, TrainingText text) => new()
    {
        Path = writer.Location.WeightsPath,
        Source = source.Path,
        Adapter = options.Adapter?.Path,
        Reference = options.Reference?.Path,
        Name = options.Adapter?.Name ?? source.Name,
        Written = false,
        Layout = writer.Layout,
        Modules = layers.Count,
        Rank = layers.Max(l => l.Layer.Options.Rank),
        Goal = goal.ToString(),
        Text = text.Text.Path,
        Lines = TextSplit.Lines(text.Fitted),
        HeldOutLines = TextSplit.Lines(text.Judged),
        Parameters = student.Parameters,
        TrainedParameters = student.Network.CountParameters(trainableOnly: true),
        Steps = options.Steps,
    };
}
