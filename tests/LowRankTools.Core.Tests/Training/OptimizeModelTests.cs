using LowRankTools.Core.Architectures;
using LowRankTools.Core.Comparison;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Quality;
using LowRankTools.Core.Records;
using LowRankTools.Core.Tokens;
using LowRankTools.Core.Training;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Training;

/// <summary>A factorized model is trained towards its original, and whatever interrupts that changes no bit.</summary>
public sealed class OptimizeModelTests : IDisposable
{
    private static readonly BertConfig s_encoder = new() { Vocabulary = 40, Width = 16, Depth = 2, Heads = 2, Hidden = 32, Positions = 12 };
    private static readonly Gpt2Config s_language = new() { Vocabulary = 40, Positions = 12, Width = 16, Depth = 2, Heads = 2, Hidden = 32 };

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(DistillationGoal.Auto, "StatesAndEmbedding")]
    [InlineData(DistillationGoal.Embedding, "Embedding")]
    [InlineData(DistillationGoal.States, "States")]
    public void An_encoder_comes_nearer_to_its_original_on_text_that_it_never_saw(DistillationGoal goal, string name)
    {
        (ModelSource dense, ModelSource small) = Models(s_encoder);
        Write("judge.txt", 40, 9);
        MeasureQuality measure = new(new QualityOptions { Input = new InputText { TokenPath = _folder["judge.txt"] } }, dense);
        double before = 1 - measure.Run(small).MeanCosine!.Value;
        OptimizeResult result = new OptimizeModel(Options with { Goal = goal }, dense).Run(small);
        double after = 1 - measure.Run(new ModelSource(result.Path, "after")).MeanCosine!.Value;
        Assert.True(after < 0.7 * before, $"1 - cosine went from {before} to {after}");
        Assert.Equal(name, result.Goal);
        Assert.True(result.LossAfter < 0.8 * result.LossBefore, $"the loss went from {result.LossBefore} to {result.LossAfter}");
        Assert.Equal(60, result.Curve.Count);
    }

    [Theory]
    [InlineData(DistillationGoal.Auto)]
    [InlineData(DistillationGoal.NextToken)]
    public void A_language_models_loss_falls(DistillationGoal goal)
    {
        (ModelSource dense, ModelSource small) = Models(s_language);
        OptimizeResult result = new OptimizeModel(Options with { Goal = goal, TrainAll = goal == DistillationGoal.NextToken }, dense).Run(small);
        Assert.True(result.LossAfter < result.LossBefore, $"the loss went from {result.LossBefore} to {result.LossAfter}");
        using RunnableModel model = RunnableModel.Open(result.Path);
        Assert.True(model.IsFactorized);
    }

    [Fact]
    public void What_is_not_trained_is_the_sources_bit_for_bit_and_the_record_is_measured_anew()
    {
        (ModelSource dense, ModelSource small) = Models(s_language);
        OptimizeResult result = new OptimizeModel(Options, dense).Run(small);
        Dictionary<string, (long[] Shape, float[] Values)> before = TestModel.Read(small.Path), after = TestModel.Read(result.Path);
        Assert.Equal(before.Keys.Order(), after.Keys.Order());
        string[] changed = [.. before.Keys.Where(n => !before[n].Values.SequenceEqual(after[n].Values))];
        Assert.All(changed, n => Assert.Matches(@"\.[01]\.(weight|bias)$", n));
        Assert.Contains("transformer.h.0.attn.c_attn.0.weight", changed);
        using Model model = Model.Open(new ModelSource(result.Path, "after"));
        IReadOnlyList<TensorDifference> differences = [.. new CompareModels(withRank: false).Run(dense, new ModelSource(result.Path, "after"))];
        foreach (FactorizedLayerRecord layer in model.Record!.Layers)
        {
            Assert.EndsWith("Scores 60 steps", layer.Method, StringComparison.Ordinal);
            TensorDifference difference = differences.Single(d => d.Name == layer.Name);
            Assert.Equal(difference.RelativeError!.Value, layer.RelativeError, 1e-4);
        }
    }

    [Fact]
    public void TT_matrices_are_trained_and_their_record_is_measured_anew()
    {
        (ModelSource dense, _) = Models(s_language);
        FactorizationResult small = new FactorizeModel(new FactorizeOptions { Rule = new RankRule.KeepRatio(0.5), Method = FactorMethod.TensorTrain, OutputPath = _folder["trains"] }).Run(dense);
        OptimizeResult result = new OptimizeModel(Options, dense).Run(new ModelLocator().Find(small.Path)[0]);
        Assert.True(result.LossAfter < result.LossBefore, $"the loss went from {result.LossBefore} to {result.LossAfter}");
        Dictionary<string, double> before = small.Layers.Where(l => l.RelativeError is not null).ToDictionary(l => l.Name, l => l.RelativeError!.Value);
        ModelSource after = new(result.Path, "after");
        IReadOnlyList<TensorDifference> differences = [.. new CompareModels(withRank: false).Run(dense, after)];
        using Model model = Model.Open(after);
        Assert.All(model.Record!.Layers, layer => Assert.Equal(differences.Single(d => d.Name == layer.Name).RelativeError!.Value, layer.RelativeError, 1e-4));
        Assert.Contains(model.Record.Layers, layer => Math.Abs(layer.RelativeError - before[layer.Name]) > 1e-3);
    }

    [Fact]
    public void Pivoted_pairs_learn_what_balanced_pairs_of_the_same_products_learn()
    {
        (ModelSource dense, _) = Models(s_encoder);
        ModelSource Factorized(FactorMethod method, RankRule rule, string folder) =>
            new ModelLocator().Find(new FactorizeModel(new FactorizeOptions { Rule = rule, Method = method, OutputPath = _folder[folder] }).Run(dense).Path)[0];
        ModelSource pivoted = Factorized(FactorMethod.Pivoted, new RankRule.Fixed(3), "pivoted"), pairs = Factorized(FactorMethod.Svd, new RankRule.Fixed(3), "pairs");
        OptimizeResult result = new OptimizeModel(Options, dense).Run(pivoted), same = new OptimizeModel(Options, dense).Run(pairs);
        Assert.Equal(same.LossAfter!.Value, result.LossAfter!.Value, 0.02 * same.LossBefore!.Value);
        ModelSource after = new(result.Path, "after");
        Dictionary<string, (long[] Shape, float[] Values)> before = TestModel.Read(pivoted.Path), trained = TestModel.Read(after.Path);
        Assert.Equal(before.Keys.Order(), trained.Keys.Order());
        Assert.All(trained.Where(t => t.Key.EndsWith(".pivots", StringComparison.Ordinal)), t => Assert.Equal(3, t.Value.Values.Sum()));
        Assert.Contains(before.Keys, n => n.EndsWith(".rows", StringComparison.Ordinal) && !before[n].Values.SequenceEqual(trained[n].Values));
        IReadOnlyList<TensorDifference> differences = [.. new CompareModels(withRank: false).Run(dense, after)];
        using Model model = Model.Open(after);
        Assert.All(model.Record!.Layers, layer => Assert.Equal(differences.Single(d => d.Name == layer.Name).RelativeError!.Value, layer.RelativeError, 1e-4));
    }

    [Fact]
    public void A_training_of_pivoted_pairs_that_was_stopped_comes_to_the_bits_of_one_that_ran_through()
    {
        (ModelSource dense, _) = Models(s_encoder);
        ModelSource small = new ModelLocator().Find(new FactorizeModel(new FactorizeOptions { Rule = new RankRule.Fixed(3), Method = FactorMethod.Pivoted, OutputPath = _folder["pivoted"] }).Run(dense).Path)[0];
        OptimizeResult through = new OptimizeModel(Options with { OutputPath = _folder["through"], ThreadCount = 1 }, dense).Run(small);
        OptimizeOptions parts = Options with { OutputPath = _folder["parts"], CheckpointPath = _folder["training.safetensors"], ThreadCount = 2 };
        using CancellationTokenSource stop = new();
        Progress progress = new(p =>
        {
            if (p.Activity == "Training" && p.Done == 17)
                stop.Cancel();
        });
        Assert.ThrowsAny<OperationCanceledException>(() => new OptimizeModel(parts, dense).Run(small, progress, stop.Token));
        OptimizeResult resumed = new OptimizeModel(parts, dense).Run(small);
        Assert.Equal(17, resumed.ResumedAt);
        Assert.Equal(File.ReadAllBytes(through.Path), File.ReadAllBytes(resumed.Path));
    }

    [Fact]
    public void A_training_that_was_stopped_twice_comes_to_the_bits_of_one_that_ran_through()
    {
        (ModelSource dense, ModelSource small) = Models(s_encoder);
        OptimizeResult through = new OptimizeModel(Options with { OutputPath = _folder["through"], ThreadCount = 1 }, dense).Run(small);
        OptimizeOptions parts = Options with { OutputPath = _folder["parts"], CheckpointPath = _folder["training.safetensors"], CheckpointEvery = 25, ThreadCount = 2 };
        foreach (int step in (int[])[17, 41])
        {
            using CancellationTokenSource stop = new();
            Progress progress = new(p =>
            {
                if (p.Activity == "Training" && p.Done == step)
                    stop.Cancel();
            });
            Assert.ThrowsAny<OperationCanceledException>(() => new OptimizeModel(parts, dense).Run(small, progress, stop.Token));
            Assert.False(Directory.Exists(_folder["parts"]));
        }
        OptimizeResult resumed = new OptimizeModel(parts, dense).Run(small);
        Assert.Equal(41, resumed.ResumedAt);
        Assert.Equal(File.ReadAllBytes(through.Path), File.ReadAllBytes(resumed.Path));
        Assert.Equal(through.Curve, resumed.Curve);
    }

    [Fact]
    public void A_checkpoint_of_another_training_is_refused()
    {
        (ModelSource dense, ModelSource small) = Models(s_encoder);
        OptimizeOptions options = Options with { CheckpointPath = _folder["training.safetensors"], Steps = 3 };
        new OptimizeModel(options, dense).Run(small);
        string Id(OptimizeOptions other) => Assert.Throws<LowRankToolsException>(() => new OptimizeModel(other with { Force = true }, dense).Run(small)).ErrorId;
        Assert.Equal(CoreErrors.CheckpointDoesNotFit, Id(options with { LearningRate = 1e-3 }));
        Assert.Equal(CoreErrors.CheckpointDoesNotFit, Id(options with { Goal = DistillationGoal.States }));
        Assert.Equal(CoreErrors.CheckpointDoesNotFit, Id(options with { Seed = 5 }));
        Write("tokens.txt", 80, 33);
        Assert.Equal(CoreErrors.CheckpointDoesNotFit, Id(options));
        File.Copy(dense.Path, _folder["training.safetensors"], overwrite: true);
        Assert.Equal(CoreErrors.CheckpointDoesNotFit, Id(options));
    }

    [Fact]
    public void Wrong_requests_are_refused_before_anything_is_trained_and_what_if_writes_nothing()
    {
        (ModelSource dense, ModelSource small) = Models(s_encoder);
        string Id(OptimizeOptions options, ModelSource model) => Assert.Throws<LowRankToolsException>(() => new OptimizeModel(options, dense).Run(model)).ErrorId;
        Assert.Equal(CoreErrors.NoFactorsFound, Id(Options, dense));
        Assert.Equal(CoreErrors.OptionInvalid, Id(Options with { Goal = DistillationGoal.Scores }, small));
        Assert.Equal(CoreErrors.OptionInvalid, Id(Options with { Steps = 0 }, small));
        Assert.Equal(CoreErrors.OptionInvalid, Id(Options with { LearningRate = double.NaN }, small));
        OptimizeResult planned = new OptimizeModel(Options with { WhatIf = true }, dense).Run(small);
        Assert.False(planned.Written || File.Exists(planned.Path));
        Assert.InRange(planned.TrainedParameters, 1, planned.Parameters - 1);
        Directory.CreateDirectory(Path.GetDirectoryName(planned.Path)!);
        File.WriteAllText(planned.Path, "mine");
        Assert.Equal(CoreErrors.OutputExists, Id(Options, small));
        Assert.Equal("mine", File.ReadAllText(planned.Path));
    }

    private OptimizeOptions Options => new() { Input = new InputText { TokenPath = _folder["tokens.txt"] }, Steps = 60, LearningRate = 3e-3, BatchSize = 8 };

    private (ModelSource Dense, ModelSource Small) Models(TransformerConfig config)
    {
        Write("tokens.txt", 80, 1);
        ModelSource dense = new ModelFolder(config).Write(_folder["dense"]);
        FactorizationResult small = new FactorizeModel(new FactorizeOptions { Rule = new RankRule.Fixed(3), OutputPath = _folder["small"] }).Run(dense);
        return (dense, new ModelSource(small.Path, "small"));
    }

    private void Write(string name, int count, int seed)
    {
        Random random = new(seed);
        File.WriteAllLines(_folder[name], Enumerable.Range(0, count).Select(_ => string.Join(' ', Enumerable.Range(0, 3 + random.Next(8)).Select(_ => (int)(40 * Math.Pow(random.NextDouble(), 2))))));
    }

    private sealed class Progress(Action<OperationProgress> report) : IProgress<OperationProgress>
    {
        public void Report(OperationProgress value) => report(value);
    }
}
