using LowRankTools.Core.Adapters;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Architectures;
using LowRankTools.Core.Models;
using LowRankTools.Core.Quality;
using LowRankTools.Core.Tokens;
using LowRankTools.Core.Training;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Training;

/// <summary>An adapter is trained beside weights that stay, and what is written answers as what was trained.</summary>
public sealed class OptimizeAdapterTests : IDisposable
{
    private static readonly BertConfig s_encoder = new() { Vocabulary = 40, Width = 16, Depth = 2, Heads = 2, Hidden = 32, Positions = 12 };
    private static readonly Gpt2Config s_language = new() { Vocabulary = 40, Positions = 12, Width = 16, Depth = 2, Heads = 2, Hidden = 32 };
    private static readonly LlamaConfig s_llama = new() { Vocabulary = 40, Width = 16, Depth = 2, Heads = 2, KeyValueHeads = 1, HeadWidth = 8, Hidden = 24 };

    private readonly TestFolder _folder = new();

    public OptimizeAdapterTests() => Write("tokens.txt", 80, 1);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void It_lowers_the_loss_of_text_that_it_never_saw_and_merged_it_has_the_loss_that_was_told(bool llama, bool dora)
    {
        ModelSource source = Base(llama ? s_llama : s_language);
        byte[] before = File.ReadAllBytes(source.Path);
        OptimizeAdapterResult result = new OptimizeAdapter(New(4, dora) with { Output = new AdapterOutputOptions { OutputPath = _folder["adapter"] } }).Run(source);
        Assert.True(result.LossAfter < 0.97 * result.LossBefore, $"the loss went from {result.LossBefore} to {result.LossAfter}");
        Assert.Equal(before, File.ReadAllBytes(source.Path));
        Assert.Equal((nameof(DistillationGoal.NextToken), AdapterLayout.Peft, 60), (result.Goal, result.Layout, result.Curve.Count));
        using (Adapter adapter = Adapter.Open(new ModelSource(result.Path, "adapter")))
        {
            Assert.Equal((result.Modules, result.TrainedParameters), (adapter.Modules.Count, adapter.Parameters));
            Assert.All(adapter.Modules, m => Assert.Equal((4, 2.0, dora), (m.Rank, m.Scaling, m.Magnitude is not null)));
        }
        MergeAdapterResult merged = new MergeAdapter(new MergeAdapterOptions { OutputPath = _folder["merged"] }).Run(source, new ModelSource(result.Path, "adapter"));
        // A new adapter changes nothing: the loss before its first step is the merged model's.
        OptimizeAdapterResult again = new OptimizeAdapter(New(1, false) with { Steps = 1, Output = new AdapterOutputOptions { OutputPath = _folder["again"] } }).Run(new ModelSource(merged.Path, "merged"));
        Assert.Equal(result.LossAfter!.Value, again.LossBefore!.Value, 1e-4 * result.LossAfter.Value);
    }

    [Fact]
    public void An_adapter_that_is_there_is_trained_on_from_where_it_was_and_keeps_its_scale()
    {
        ModelSource source = Base(s_language);
        OptimizeAdapterResult first = new OptimizeAdapter(New(4, false) with { Output = new AdapterOutputOptions { OutputPath = _folder["first"] } }).Run(source);
        OptimizeAdapterResult second = new OptimizeAdapter(Options with { Adapter = new ModelSource(first.Path, "first") }).Run(source);
        Assert.Equal(first.LossAfter!.Value, second.LossBefore!.Value, 1e-5 * first.LossAfter.Value);
        Assert.NotEqual(first.Path, second.Path);
        using Adapter adapter = Adapter.Open(new ModelSource(second.Path, "second"));
        Assert.All(adapter.Modules, m => Assert.Equal((4, 2.0), (m.Rank, m.Scaling)));
    }

    [Fact]
    public void Modules_of_several_ranks_keep_what_they_add()
    {
        ModelSource source = Base(s_language);
        ModelSource[] parts = [Trained("small", 2, "*c_attn*"), Trained("large", 4, "*c_fc*")];
        AdapterResult both = new JoinAdapters(JoinMode.Cat, null, new AdapterOutputOptions { OutputPath = _folder["both"] }).Run(parts, [1, 1]);
        ModelSource Trained(string name, int rank, string include) => new(new OptimizeAdapter(New(rank, false) with
        {
            Steps = 3,
            New = new NewAdapterOptions { Rank = rank, Alpha = 3, Selection = Only(include) },
            Output = new AdapterOutputOptions { OutputPath = _folder[name] },
        }).Run(source).Path, name);
        OptimizeAdapterResult first = new OptimizeAdapter(Options with { Adapter = new ModelSource(both.Path, "both") }).Run(source);
        OptimizeAdapterResult second = new OptimizeAdapter(Options with { Steps = 1, Adapter = new ModelSource(first.Path, "first"), Output = new AdapterOutputOptions { OutputPath = _folder["second"] } }).Run(source);
        Assert.True(first.LossAfter < first.LossBefore, $"the loss went from {first.LossBefore} to {first.LossAfter}");
        Assert.Equal(first.LossAfter!.Value, second.LossBefore!.Value, 1e-5 * first.LossAfter.Value);
    }

    [Theory]
    [InlineData(DistillationGoal.Auto, "StatesAndEmbedding")]
    [InlineData(DistillationGoal.States, "States")]
    public void An_encoder_learns_another_ones_answers(DistillationGoal goal, string name)
    {
        ModelSource source = Base(s_encoder), original = new ModelFolder(s_encoder) { Seed = 77 }.Write(_folder["original"]);
        OptimizeAdapterResult result = new OptimizeAdapter(New(4, false) with { Goal = goal, Reference = original }).Run(source);
        Assert.True(result.LossAfter < 0.9 * result.LossBefore, $"the loss went from {result.LossBefore} to {result.LossAfter}");
        Assert.Equal((name, original.Path), (result.Goal, result.Reference));
    }

    [Fact]
    public void A_classifier_learns_its_labels()
    {
        ModelSource source = Base(s_encoder with { Labels = 2 });
        // The class is said by the first of eight tokens.
        Write("tokens.txt", 160, 3, below: 8);
        File.WriteAllLines(_folder["labels.txt"], File.ReadLines(_folder["tokens.txt"]).Select(l => int.Parse(l.Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture) < 4 ? "0" : "1"));
        OptimizeAdapterOptions options = New(2, false) with { LabelPath = _folder["labels.txt"], HeldOut = 0.25 };
        OptimizeAdapterResult result = new OptimizeAdapter(options).Run(source);
        Assert.Equal("Labels", result.Goal);
        Assert.True(result.LossAfter < 0.8 * result.LossBefore, $"the loss went from {result.LossBefore} to {result.LossAfter}");
        ModelQuality quality = new MeasureQuality(new QualityOptions { Input = options.Input, LabelPath = options.LabelPath, Adapter = new ModelSource(result.Path, "adapter") }, source).Run(source);
        Assert.True(quality.Accuracy > quality.ReferenceAccuracy, $"accuracy went from {quality.ReferenceAccuracy} to {quality.Accuracy}");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_training_that_was_stopped_comes_to_the_bits_of_one_that_ran_through(bool dora)
    {
        ModelSource source = Base(s_language);
        OptimizeAdapterResult through = new OptimizeAdapter(New(3, dora) with { ThreadCount = 1, Output = new AdapterOutputOptions { OutputPath = _folder["through"] } }).Run(source);
        OptimizeAdapterOptions parts = New(3, dora) with { CheckpointPath = _folder["training.safetensors"], CheckpointEvery = 25, ThreadCount = 2, Output = new AdapterOutputOptions { OutputPath = _folder["parts"] } };
        using CancellationTokenSource stop = new();
        Progress progress = new(p =>
        {
            if (p.Activity == "Training" && p.Done == 31)
                stop.Cancel();
        });
        Assert.ThrowsAny<OperationCanceledException>(() => new OptimizeAdapter(parts).Run(source, progress, stop.Token));
        Assert.False(Directory.Exists(_folder["parts"]));
        OptimizeAdapterResult resumed = new OptimizeAdapter(parts).Run(source);
        Assert.Equal(31, resumed.ResumedAt);
        Assert.Equal(File.ReadAllBytes(through.Path), File.ReadAllBytes(resumed.Path));
        Assert.Equal(through.Curve, resumed.Curve);
        string Id(OptimizeAdapterOptions other) => Assert.Throws<LowRankToolsException>(() => new OptimizeAdapter(other with { Output = other.Output with { Force = true } }).Run(source)).ErrorId;
        Assert.Equal(CoreErrors.CheckpointDoesNotFit, Id(parts with { New = parts.New! with { Alpha = 5 } }));
        Assert.Equal(CoreErrors.CheckpointDoesNotFit, Id(parts with { New = parts.New! with { Rank = 2 } }));
        Assert.Equal(CoreErrors.CheckpointDoesNotFit, Id(parts with { Seed = 5 }));
    }

    [Fact]
    public void What_cannot_be_trained_is_refused_by_its_error_id_and_nothing_is_written()
    {
        ModelSource source = Base(s_language), other = new ModelFolder(s_llama).Write(_folder["llama"]), encoder = new ModelFolder(s_encoder).Write(_folder["bert"]);
        AdapterResult foreign = Made(other, "foreign", 2, "*q_proj*");
        AdapterResult shared = new NewAdapter(new NewAdapterOptions { Rank = 2, Output = new AdapterOutputOptions { Layout = AdapterLayout.Lotr, OutputPath = _folder["shared.safetensors"] }, Selection = Only("*c_fc*") }).Run(source);
        File.WriteAllText(_folder["empty.txt"], "\n\n");
        string Id(OptimizeAdapterOptions options, ModelSource model) => Assert.Throws<LowRankToolsException>(() => new OptimizeAdapter(options).Run(model)).ErrorId;
        Assert.Equal(CoreErrors.AdapterDoesNotFit, Id(Options with { Adapter = new ModelSource(foreign.Path, "foreign") }, source));
        Assert.Equal(CoreErrors.AdapterUnsupported, Id(Options with { Adapter = new ModelSource(shared.Path, "shared") }, source));
        Assert.Equal(CoreErrors.NotAnAdapter, Id(Options with { Adapter = source }, source));
        Assert.Equal(CoreErrors.TextInvalid, Id(New(2, false) with { Input = new InputText { TokenPath = _folder["empty.txt"] } }, source));
        Assert.Equal(CoreErrors.ConfigNotFound, Id(New(2, false), new ModelSource(TestModel.Write(_folder["bare.safetensors"], TestModel.Random("fc.weight", 1, 8, 8)), "bare")));
        Assert.Equal(CoreErrors.OptionInvalid, Id(Options, source));
        Assert.Equal(CoreErrors.OptionInvalid, Id(New(2, false) with { Adapter = source }, source));
        Assert.Equal(CoreErrors.OptionInvalid, Id(New(2, false), encoder));
        Assert.Equal(CoreErrors.OptionInvalid, Id(New(2, false) with { Goal = DistillationGoal.Labels }, encoder));
        Assert.Equal(CoreErrors.InputInvalid, Id(New(2, false) with { LabelPath = _folder["tokens.txt"] }, encoder));
        Assert.Equal(CoreErrors.InputInvalid, Id(New(2, false) with { Reference = encoder }, source));
        Assert.Equal(CoreErrors.RankExceedsLayer, Id(New(17, false), source));
        Assert.Equal(CoreErrors.LayerNotFound, Id(New(2, false) with { New = new NewAdapterOptions { Rank = 2, Selection = Only("nothing*") } }, source));
        OptimizeAdapterResult planned = new OptimizeAdapter(New(2, false) with { Output = new AdapterOutputOptions { OutputPath = _folder["what"], WhatIf = true } }).Run(source);
        Assert.False(planned.Written || Directory.Exists(_folder["what"]));
        Assert.InRange(planned.TrainedShare, 1e-3, 0.5);
    }

    private OptimizeAdapterOptions Options => new() { Input = new InputText { TokenPath = _folder["tokens.txt"] }, Steps = 60, LearningRate = 1e-2, BatchSize = 8 };

    private OptimizeAdapterOptions New(int rank, bool dora) => Options with { New = new NewAdapterOptions { Rank = rank, Alpha = 2 * rank, Dora = dora } };

    private ModelSource Base(TransformerConfig config) => new ModelFolder(config).Write(_folder["base"]);

    private static LayerSelection Only(string pattern) => new() { Include = [LayerSelection.Pattern(pattern)] };

    private AdapterResult Made(ModelSource source, string name, int rank, string include) => new NewAdapter(new NewAdapterOptions
    {
        Rank = rank, Selection = Only(include), Output = new AdapterOutputOptions { OutputPath = _folder[name] },
    }).Run(source);

    /// <summary>Numbers that count on from anywhere below a bound: what follows is known from what was read.</summary>
    private void Write(string name, int count, int seed, int below = 40)
    {
        Random random = new(seed);
        File.WriteAllLines(_folder[name], Enumerable.Range(0, count).Select(_ =>
        {
            int first = random.Next(below);
            return string.Join(' ', Enumerable.Range(0, 3 + random.Next(8)).Select(i => (first + i) % below));
        }));
    }

    private sealed class Progress(Action<OperationProgress> report) : IProgress<OperationProgress>
    {
        public void Report(OperationProgress value) => report(value);
    }
}
