using System.Diagnostics;
using LowRankTools.Core.Architectures;
using LowRankTools.Core.Models;
using LowRankTools.Core.Tokens;
using LowRankTools.Core.Training;
using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Modules;
using LowRankTools.Networks.Training;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.LanguageModel;

/// <summary>How a language model is made.</summary>
/// <param name="Shape">Its shape.</param>
/// <param name="Steps">Steps of the optimizer.</param>
/// <param name="BatchSize">Sequences of a step.</param>
/// <param name="Rate">Largest learning rate.</param>
internal sealed record LanguagePlan(LlamaConfig Shape, int Steps, int BatchSize, double Rate)
{
    /// <summary>The step to stop after, on the schedule of all <see cref="Steps"/>; a later one goes on from there. Null for the last.</summary>
    public int? Until { get; init; }

    /// <summary>Steps from one checkpoint, and validation, to the next.</summary>
    public int SaveEvery { get; init; } = 100;

    /// <summary>5.6 million parameters, 5.1 of them in linear layers.</summary>
    public static LanguagePlan Default { get; } = new(
        new LlamaConfig { Vocabulary = 2048, Width = 256, Depth = 6, Heads = 4, KeyValueHeads = 4, HeadWidth = 64, Hidden = 768, Positions = 256, Epsilon = 1e-5, TiedHead = true },
        Steps: 1500, BatchSize: 8, Rate: 2e-3);
}

/// <summary>
/// Trains a Llama from scratch on the lines of a text, and writes a model folder with its tokenizer. What was cancelled or killed goes on from
/// its checkpoint and comes to the same bits.
/// </summary>
/// <param name="plan">Shape and steps.</param>
/// <param name="say">Told what happens, line by line.</param>
internal sealed class LanguageTraining(LanguagePlan plan, Action<string> say)
{
    /// <summary>Trains.</summary>
    /// <param name="texts">Folder with train.txt and validate.txt.</param>
    /// <param name="folder">Where the model comes to lie.</param>
    /// <param name="ct">Stops within a step; the checkpoint stays.</param>
    /// <returns>Losses by step, in nats a token.</returns>
    public TrainingCurve Run(string texts, string folder, CancellationToken ct = default)
    {
        Directory.CreateDirectory(folder);
        string tokenizer = Path.Combine(folder, "tokenizer.json"), checkpoint = Path.Combine(folder, "training.checkpoint");
        if (!File.Exists(tokenizer))
            File.WriteAllText(tokenizer, BytePairs.Learn(File.ReadLines(Path.Combine(texts, "train.txt")), plan.Shape.Vocabulary));
        TokenText Read(string name) => TokenText.Read(new InputText { TextPath = Path.Combine(texts, name) }, new ModelSource(Path.Combine(folder, "model.safetensors"), "model"), plan.Shape, null, ct);
        TokenText train = Read("train.txt"), validate = Read("validate.txt");
        EmbeddedEngine engine = new();
        using Transformer network = Transformer.Create(plan.Shape, new ParameterFactory(engine, seed: 1));
        NextTokenTask task = new(network, Packed(train)), judge = new(network, validate.Sequences);
        say(FormattableString.Invariant($"{network.CountParameters()} parameters, {train.Tokens} tokens to learn from, {validate.Tokens} to validate by, {plan.Steps} steps of {plan.BatchSize} sequences"));
        using Adam adam = new(new AdamSettings(plan.Rate, Decay: 0.1, Beta2: 0.95), decayMatricesOnly: true);
        Trainer trainer = new(engine, task, adam, new TrainingOptions(plan.Steps, plan.BatchSize)
        {
            Schedule = new LearningRateSchedule(Warmup: plan.Steps / 20, Cosine: true, Floor: 0.05), Seed = 1, ValidateEvery = plan.SaveEvery,
        }, c => judge.Loss(engine, plan.BatchSize, c));
        string inputs = $"{train.Tokens} tokens";
        if (File.Exists(checkpoint))
            trainer.Restore(TrainingFile.Read(checkpoint, inputs, ct));
        Stopwatch clock = Stopwatch.StartNew();
        int last = Math.Min(plan.Until ?? plan.Steps, plan.Steps);
        while (trainer.Step < last)
        {
            trainer.Run(Math.Min(last, (trainer.Step / plan.SaveEvery + 1) * plan.SaveEvery), ct: ct);
            TrainingFile.Write(checkpoint, trainer.Save(), inputs);
            LossPoint point = trainer.Curve.Points[^1];
            say(FormattableString.Invariant($"step {point.Step}: loss {trainer.Curve.RecentLoss(plan.SaveEvery):F3}, validation {point.Validation:F3}, {clock.Elapsed.TotalSeconds:F0} s"));
        }
        new ModelFolder(plan.Shape) { Force = true, Trained = (network, engine) }.Write(folder, cancellationToken: ct);
        if (last == plan.Steps)
            File.Delete(checkpoint);
        return trainer.Curve;
    }

    /// <summary>The lines one behind the other, cut into full sequences: no part of a batch is fill.</summary>
    private List<TokenSequence> Packed(TokenText text) =>
        [.. text.Sequences.SelectMany(s => s.Ids).Chunk(plan.Shape.Positions).Select((ids, i) => new TokenSequence(i + 1, ids))];
}
