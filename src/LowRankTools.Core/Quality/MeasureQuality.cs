using System.Diagnostics;
using LowRankTools.Core.Architectures;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Models;
using LowRankTools.Core.Tokens;
using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Training;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Quality;

/// <summary>
/// Holds models against the one that they were made from, on the same inputs: cosines of embeddings and correlation of all pairs'
/// similarities for encoders, what classifiers say, perplexities for language models. The reference is run once, whatever the number of models.
/// </summary>
/// <param name="options">Inputs, engine.</param>
/// <param name="reference">The original.</param>
public sealed class MeasureQuality(QualityOptions options, ModelSource reference)
{
    private Original? _original;

    /// <summary>Measures one model.</summary>
    /// <param name="source">The model.</param>
    /// <param name="progress">Told about every tensor and every batch.</param>
    /// <param name="cancellationToken">Stops between and inside runs.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, <c>PathNotFound</c>, <c>TextInvalid</c>, <c>InputInvalid</c>: the models do not read the same tokens;
    /// <c>NonFiniteValues</c>; those of tokenizers and of opening a model and an adapter.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public ModelQuality Run(ModelSource source, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        options.Validate();
        Stopwatch clock = Stopwatch.StartNew();
        INetworkEngine engine = EngineSelector.SelectForNetworks(options.Engine, options.ThreadCount).CreateForNetworks(options.ThreadCount);
        _original ??= Measure(engine, progress, cancellationToken);
        using RunnableModel model = RunnableModel.Open(source, options.Adapter, engine, progress, cancellationToken);
        return Run(model, progress, cancellationToken) with { Seconds = clock.Elapsed.TotalSeconds };
    }

    /// <summary>Measures a model that is open already.</summary>
    internal ModelQuality Run(RunnableModel model, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        Stopwatch clock = Stopwatch.StartNew();
        Original original = _original ??= Measure(model.Engine, progress, cancellationToken);
        RequireAlike(original, model);
        ModelQuality quality = new()
        {
            Path = model.Source.Path,
            Name = model.Source.Name,
            Reference = reference.Path,
            Adapter = options.Adapter?.Path,
            Architecture = model.Config.ModelType,
            Parameters = model.Parameters,
            ReferenceParameters = original.Parameters,
            Text = original.Text.Path,
            Lines = original.Text.Lines,
            Tokens = original.Text.Tokens,
            CutLines = original.Text.CutLines,
            Seconds = 0,
        };
        quality = original.Embeddings is null ? OfTokens(quality, original, model, progress, cancellationToken) : OfEmbeddings(quality, original, model, progress, cancellationToken);
        return quality with { Seconds = clock.Elapsed.TotalSeconds };
    }

    private Original Measure(INetworkEngine engine, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        using RunnableModel model = RunnableModel.Open(reference, engine, progress, cancellationToken);
        TokenText text = TokenText.Read(options.Input, reference, model.Config, progress, cancellationToken);
        Original original = new(model.Config, model.Parameters, text);
        int[]? labels = options.LabelPath is { } path ? ClassLabels.Read(path, reference, model.Config, text.Sequences) : null;
        int[]? classes = model.Config.Classes > 0 ? new int[text.Sequences.Count] : null;
        original = original with { Labels = labels, Classes = classes };
        return model.Config.PredictsNextToken
            ? original with { Loss = TokenLoss.Of(model, text.Sequences, options.BatchSize, progress, cancellationToken) }
            : original with { Embeddings = SentenceEmbeddings.Of(model, text.Sequences, QualityOptions.PoolingOf(options.Pooling, model.Config), options.BatchSize, classes, progress, cancellationToken) };
    }

    private void RequireAlike(Original original, RunnableModel model)
    {
        if (model.Config.ModelType != original.Config.ModelType || model.Config.TokenCount != original.Config.TokenCount || model.Config.PredictsNextToken != original.Config.PredictsNextToken || model.Config.Classes != original.Config.Classes)
        {
            throw new LowRankToolsException(CoreErrors.InputInvalid,
                $"{model.Source.Path}: the model ({model.Config.ModelType}, {model.Config.TokenCount} tokens) does not answer what its reference {reference.Path} ({original.Config.ModelType}, {original.Config.TokenCount} tokens) does.",
                "Name the model that it was made from with -ReferencePath.");
        }
    }

    private ModelQuality OfTokens(ModelQuality quality, Original original, RunnableModel model, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        if (original.Loss.Count == 0)
            throw new LowRankToolsException(CoreErrors.TextInvalid, $"{original.Text.Path}: every line is one token, and none follows another.", "Give longer lines.");
        BatchLoss loss = TokenLoss.Of(model, original.Text.Sequences, options.BatchSize, progress, cancellationToken);
        return quality with
        {
            Predictions = (long)loss.Count,
            Perplexity = Math.Exp(loss.Sum / loss.Count),
            ReferencePerplexity = Math.Exp(original.Loss.Sum / original.Loss.Count),
        };
    }

    private ModelQuality OfEmbeddings(ModelQuality quality, Original original, RunnableModel model, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        Pooling pooling = QualityOptions.PoolingOf(options.Pooling, model.Config);
        int[]? classes = original.Classes is null ? null : new int[original.Classes.Length];
        double[][] theirs = original.Embeddings!, ours = SentenceEmbeddings.Of(model, original.Text.Sequences, pooling, options.BatchSize, classes, progress, cancellationToken);
        if (ours[0].Length != theirs[0].Length)
            throw new LowRankToolsException(CoreErrors.InputInvalid, $"{model.Source.Path}: its embeddings have {ours[0].Length} entries, those of the reference {theirs[0].Length}.", "Name the model that it was made from.");
        double[] cosines = [.. ours.Zip(theirs, (x, y) => SentenceEmbeddings.Cosine(x, y))];
        int worst = Array.IndexOf(cosines, cosines.Min());
        (double[] x, double[] y) = (Similarities(ours, cancellationToken), Similarities(theirs, cancellationToken));
        return quality with
        {
            Pooling = pooling.ToString(),
            MeanCosine = cosines.Average(),
            MinCosine = cosines[worst],
            WorstLine = original.Text.Sequences[worst].Line,
            Pairs = x.Length,
            Pearson = Correlation.Pearson(x, y),
            Spearman = Correlation.Spearman(x, y),
            Agreement = Share(classes, original.Classes),
            Labels = original.Labels is null ? null : Path.GetFullPath(options.LabelPath!),
            Accuracy = Share(classes, original.Labels),
            ReferenceAccuracy = Share(original.Classes, original.Labels),
        };
    }

    /// <summary>Share of the places at which two lists say the same; null where one of them is missing.</summary>
    private static double? Share(int[]? said, int[]? wanted) => said is null || wanted is null ? null : said.Zip(wanted, (x, y) => x == y ? 1.0 : 0).Average();

    private static double[] Similarities(double[][] embeddings, CancellationToken cancellationToken)
    {
        int lines = Math.Min(embeddings.Length, QualityOptions.MostPairedLines);
        double[] similarities = new double[lines * (lines - 1) / 2];
        // Each row has a place of its own: the same bits for any number of threads.
        Parallel.For(1, lines, new ParallelOptions { CancellationToken = cancellationToken }, i =>
        {
            for (int j = 0; j < i; j++)
                similarities[i * (i - 1) / 2 + j] = SentenceEmbeddings.Cosine(embeddings[i], embeddings[j]);
        });
        return similarities;
    }

    /// <summary>What the reference makes of the inputs: embeddings, or a loss.</summary>
    private sealed record Original(TransformerConfig Config, long Parameters, TokenText Text)
    {
        public double[][]? Embeddings { get; init; }

        public int[]? Classes { get; init; }

        public int[]? Labels { get; init; }

        public BatchLoss Loss { get; init; }
    }
}
