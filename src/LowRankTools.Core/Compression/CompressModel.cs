using System.Diagnostics;
using LowRankTools.Core.Architectures;
using LowRankTools.Core.Calibration;
using LowRankTools.Core.Calibration.Collecting;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Quality;
using LowRankTools.Core.Tokens;
using LowRankTools.Core.Training;
using LowRankTools.Formats;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Svd;
using static System.FormattableString;

namespace LowRankTools.Core.Compression;

/// <summary>
/// From a model folder and a text to a smaller model that was judged: calibrates, shares the ranks out by what they lose on the text, exchanges
/// them by what the model then answers, calibrates the layers one after the other where that is asked for, factorizes, trains where steps are given, and measures on lines that nothing else was done with.
/// </summary>
/// <param name="options">Text, kept share, training.</param>
public sealed class CompressModel(CompressOptions options)
{
    private const string CalibrationSuffix = ".calibration.safetensors", SequentialSuffix = ".sequential.safetensors", Trained = "-optimized";

    // Of the lines that do not judge.
    private const double MostSelected = 0.1;

    private readonly List<CompressStep> _steps = [];

    /// <summary>Where the factorized model goes; a trained one gets the same name with <c>-optimized</c> behind it.</summary>
    public OutputLocation Location(ModelSource source) => OutputLocation.Resolve(options.OutputPath, source, ModelFormat.Safetensors, "-lowrank");

    /// <summary>Compresses one model.</summary>
    /// <param name="source">The model.</param>
    /// <param name="progress">Told about every step's work.</param>
    /// <param name="cancellationToken">Stops inside every step; what earlier steps wrote stays.</param>
    /// <exception cref="LowRankToolsException">Those of the steps: <see cref="ExportCalibration"/>, <see cref="MakePlan"/>, <see cref="FactorizeModel"/>, <see cref="OptimizeModel"/>, <see cref="MeasureQuality"/>.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public CompressResult Run(ModelSource source, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        options.Validate();
        Stopwatch clock = Stopwatch.StartNew();
        _steps.Clear();
        OutputLocation location = Location(source);
        string parent = Path.GetDirectoryName(location.Folder)!, calibrationPath = Path.Combine(parent, source.Name + CalibrationSuffix), sequentialPath = Path.Combine(parent, source.Name + SequentialSuffix);
        OutputCheck.Free([location.WeightsPath, calibrationPath, .. options.Sequential ? (string[])[sequentialPath] : []], options.Force);
        Shares text = Divide(source, progress, cancellationToken);
        ExportCalibrationOptions collect = new()
        {
            Input = text.Work, OutputPath = calibrationPath, Pooling = options.Pooling, BatchSize = options.BatchSize, Seed = options.Seed, Engine = options.Engine, ThreadCount = options.ThreadCount, Force = options.Force,
        };
        CalibrationResult calibration = Step("Calibrate", () => new ExportCalibration(collect).Run(source, progress, cancellationToken), c => Invariant($"{c.Lines:N0} lines, {c.Tokens:N0} tokens, {c.HeldOutLines:N0} lines held out, gradients: {c.Gradients}"));
        CalibrationOptions use = new() { Path = calibration.Path };
        LayerSelection selection = options.Selection with { Exclude = [.. options.Selection.Exclude, .. calibration.WithoutGradients.Select<string, Predicate<string>>(layer => name => LayerNames.Module(name) == layer)] };
        RankPlan plan = Step("Plan", () => new MakePlan(new PlanOptions
        {
            Rule = new RankRule.TargetReduction(1 / options.KeepRatio), Method = IsPivoted ? FactorMethod.Pivoted : null, Selection = selection, Weighting = Weighting.Calibrated, Calibration = use, UseCache = false, Engine = options.Engine, Svd = Svd,
            Measured = text.Selection is { } selected ? new MeasuredPlanOptions { Input = selected, Measure = options.Measure, Trials = options.Trials, Pooling = options.Pooling, BatchSize = options.BatchSize } : null,
        }).Run(source, progress, cancellationToken), p => Invariant($"{p.FactorizedLayers:N0} of {p.Layers.Count:N0} layers get {(IsPivoted ? "pivoted pairs" : "pairs")}, {p.KeptRatio:P1} of the chosen layers' parameters stay{(p.Measurement is { } m ? $"; {m}" : "")}"));
        CalibrationResult? sequential = !options.Sequential ? null : Step("Recalibrate", () => new ExportCalibration(collect with { Plan = plan, OutputPath = sequentialPath }).Run(source, progress, cancellationToken),
            c => Invariant($"{c.Layers:N0} layers one after the other, behind those compressed before"));
        FactorizationResult small = Step("Factorize", () => new FactorizeModel(new FactorizeOptions
        {
            Plan = plan, Calibration = sequential is null ? use : new CalibrationOptions { Path = sequential.Path }, OutputPath = options.OutputPath, Format = ModelFormat.Safetensors, Engine = options.Engine, Svd = Svd, UseCache = false, Force = options.Force,
        }).Run(source, progress, cancellationToken), f => Invariant($"{f.ParametersBefore:N0} parameters became {f.Parameters:N0}, error of the weights {f.RelativeError:F4}"));
        MeasureQuality measure = new(new QualityOptions { Input = text.Judge, Pooling = options.Pooling, BatchSize = options.BatchSize, Engine = options.Engine, ThreadCount = options.ThreadCount }, source);
        ModelQuality quality = Judge(measure, new ModelSource(small.Path, source.Name), progress, cancellationToken);
        CompressResult result = new()
        {
            Path = small.Path,
            Source = source.Path,
            Name = source.Name,
            Method = options.Method,
            Text = quality.Text,
            Lines = text.WorkLines,
            SelectionLines = text.SelectionLines,
            Measurement = plan.Measurement,
            JudgedLines = text.JudgeLines,
            FactorizedLayers = small.FactorizedLayers,
            KeptRatio = plan.KeptRatio,
            WithoutGradients = calibration.WithoutGradients,
            Calibration = calibration.Path,
            SequentialCalibration = sequential?.Path,
            Quality = quality,
            Steps = [],
            Seconds = 0,
        };
        if (options.Steps > 0)
        {
            OptimizeResult trained = Step("Train", () => Train(source, small, location, text.Work, progress, cancellationToken), t => Invariant($"{t.Steps:N0} steps towards {t.Goal}, loss of held-out lines {t.LossBefore:F4} to {t.LossAfter:F4}"));
            result = result with { Path = trained.Path, QualityBeforeTraining = quality, Quality = Judge(measure, new ModelSource(trained.Path, source.Name), progress, cancellationToken) };
        }
        return result with { Steps = _steps.ToArray(), Seconds = clock.Elapsed.TotalSeconds };
    }

    // Pairs by the singular value decomposition are what plans make where no method is asked for.
    private bool IsPivoted => options.Method == FactorMethod.Pivoted;

    private SvdOptions Svd => new() { Seed = options.Seed, ThreadCount = options.ThreadCount };

    private OptimizeResult Train(ModelSource source, FactorizationResult small, OutputLocation location, InputText work, IProgress<OperationProgress>? progress, CancellationToken cancellationToken) =>
        new OptimizeModel(new OptimizeOptions
        {
            Input = work, OutputPath = Path.GetDirectoryName(location.Folder), Steps = options.Steps, LearningRate = options.LearningRate,
            Pooling = options.Pooling, Seed = options.Seed, Engine = options.Engine, ThreadCount = options.ThreadCount, Force = options.Force,
        }, source).Run(new ModelSource(small.Path, Path.GetFileName(location.Folder) + Trained), progress, cancellationToken);

    private ModelQuality Judge(MeasureQuality measure, ModelSource model, IProgress<OperationProgress>? progress, CancellationToken cancellationToken) => Step("Judge", () => measure.Run(model, progress, cancellationToken), q =>
        q.Perplexity is { } perplexity ? Invariant($"perplexity {perplexity:F3}, of the original {q.ReferencePerplexity:F3}, on {q.Lines:N0} other lines")
        : Invariant($"mean cosine {q.MeanCosine:F4}, least {q.MinCosine:F4}, similarities of pairs {q.Pearson:F4}, on {q.Lines:N0} other lines"));

    /// <summary>Lines to work with, to select by and to judge by, as inputs of one file.</summary>
    private Shares Divide(ModelSource source, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        TransformerConfig config;
        using (Model model = Model.Open(source))
            config = ArchitectureCatalog.Recognize(model).Config;
        TokenText text = TokenText.Read(options.Input, source, config, progress, cancellationToken);
        // Another seed than the calibration's own, which chooses among what is left.
        (List<TokenSequence> work, List<TokenSequence> judge) = TextSplit.Of(text, options.JudgeShare, ~options.Seed);
        List<TokenSequence> selection = [];
        if (options.Trials > 0)
            (work, selection) = TextSplit.Of(text with { Sequences = work }, Math.Min(MostSelected, (double)options.SelectionLines / TextSplit.Lines(work)), ~options.Seed);
        InputText Only(List<TokenSequence> sequences) => options.Input with { MaxLines = null, Lines = sequences.Select(s => s.Line).ToHashSet() };
        return new Shares(Only(work), selection.Count > 0 ? Only(selection) : null, Only(judge), TextSplit.Lines(work), TextSplit.Lines(selection), TextSplit.Lines(judge));
    }

    private T Step<T>(string name, Func<T> work, Func<T, string> figures)
    {
        Stopwatch clock = Stopwatch.StartNew();
        T result = work();
        _steps.Add(new CompressStep(name, clock.Elapsed.TotalSeconds, figures(result)));
        return result;
    }

    /// <summary>One text, each line of it in one part.</summary>
    private sealed record Shares(InputText Work, InputText? Selection, InputText Judge, int WorkLines, int SelectionLines, int JudgeLines);
}
