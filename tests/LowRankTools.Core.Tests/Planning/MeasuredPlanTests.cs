using LowRankTools.Core.Architectures;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Quality;
using LowRankTools.Core.Tokens;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Tests.Planning;

/// <summary>Ranks that are exchanged by the measured quality cost no more, and the model is as good as the plan says.</summary>
public sealed class MeasuredPlanTests : IDisposable
{
    private static readonly BertConfig s_encoder = new() { Vocabulary = 60, Width = 32, Depth = 2, Heads = 4, Hidden = 64, Positions = 16 };
    private static readonly Gpt2Config s_language = new() { Vocabulary = 60, Positions = 16, Width = 32, Depth = 2, Heads = 4, Hidden = 64 };

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(QualityMeasure.MeanCosine)]
    [InlineData(QualityMeasure.Spearman)]
    public void The_factorized_model_has_the_quality_that_the_plan_reached_within_its_budget(QualityMeasure measure)
    {
        ModelSource source = new ModelFolder(s_encoder).Write(_folder["model"]);
        Write(80, 1);
        RankPlan additive = new MakePlan(Options with { Measured = null }).Run(source), plan = new MakePlan(Options with { Measured = Measured with { Measure = measure } }).Run(source);
        Assert.True(plan.Parameters <= plan.ParametersBefore * 0.4, $"{plan.Parameters} of {plan.ParametersBefore}");
        PlanMeasurement protocol = plan.Measurement!;
        Assert.Equal((measure, 80), (protocol.Measure, protocol.Lines));
        Assert.InRange(protocol.Trials, 2, 60);
        Assert.True(protocol.After > protocol.Before, $"{protocol.Before} became {protocol.After}");
        Assert.NotEqual(additive.Layers.Select(l => l.Rank), plan.Layers.Select(l => l.Rank));
        Assert.False(plan.IsOptimal);
        Assert.Equal(protocol.Before, Figure(source, additive, measure), 1e-5);
        Assert.Equal(protocol.After, Figure(source, plan, measure), 1e-5);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Tensor_trains_are_exchanged_by_the_measured_quality_too(bool embeddings)
    {
        ModelSource source = new ModelFolder(s_encoder).Write(_folder["model"]);
        Write(60, 7);
        const string table = "bert.embeddings.word_embeddings.weight";
        PlanOptions options = Options with { Method = FactorMethod.TensorTrain, Overrides = embeddings ? [new LayerOverride(table, n => n == table, 8)] : [] };
        RankPlan additive = new MakePlan(options with { Measured = null }).Run(source), plan = new MakePlan(options).Run(source);
        Assert.True(plan.Parameters <= plan.ParametersBefore * 0.4, $"{plan.Parameters} of {plan.ParametersBefore}");
        Assert.Contains(plan.Layers, l => l.Kind == (embeddings ? LayerKind.Embedding : LayerKind.Linear) && l.Method?.StartsWith("TensorTrain", StringComparison.Ordinal) == true);
        Assert.Equal(embeddings ? 8 : null, plan.Layers.Single(l => l.Name == table).Rank);
        PlanMeasurement protocol = plan.Measurement!;
        Assert.True(protocol.After > protocol.Before, $"{protocol.Before} became {protocol.After}");
        Assert.Equal(protocol.Before, Figure(source, additive, protocol.Measure), 1e-5);
        Assert.Equal(protocol.After, Figure(source, plan, protocol.Measure), 1e-5);
        // What a layer will lose is that of the ranks that it has at last, and nothing where it stays dense.
        FactorizationResult made = new FactorizeModel(new FactorizeOptions { Plan = plan, OutputPath = _folder["made"], UseCache = false }).Run(source);
        Assert.All(plan.Layers.Zip(made.Layers).Where(l => l.First.Rank is not null), l => Assert.Equal(l.First.RelativeError!.Value, l.Second.RelativeError!.Value, 1e-5));
        Assert.All(plan.Layers.Where(l => l.Rank is null), l => Assert.True(l.RelativeError is null or 0));
    }

    [Fact]
    public void A_language_model_is_planned_by_its_perplexity_alike_on_any_number_of_threads()
    {
        ModelSource source = new ModelFolder(s_language).Write(_folder["model"]);
        Write(40, 2);
        RankPlan one = new MakePlan(Options with { Svd = new SvdOptions { ThreadCount = 1 } }).Run(source), two = new MakePlan(Options with { Svd = new SvdOptions { ThreadCount = 2 } }).Run(source);
        Assert.Equal(one.Layers.Select(l => l.Rank), two.Layers.Select(l => l.Rank));
        Assert.Equal(one.Measurement! with { Seconds = 0 }, two.Measurement! with { Seconds = 0 });
        Assert.Equal(QualityMeasure.Perplexity, one.Measurement!.Measure);
        Assert.True(one.Measurement.After <= one.Measurement.Before);
    }

    [Fact]
    public void The_protocol_goes_into_the_plan_file_and_not_into_what_parts_compare()
    {
        ModelSource source = new ModelFolder(s_encoder).Write(_folder["model"]);
        Write(20, 3);
        RankPlan plan = new MakePlan(Options with { Measured = Measured with { Trials = 5 } }).Run(source);
        RankPlan read = RankPlanFile.Parse(RankPlanFile.ToFile(plan), "plan");
        Assert.Equal(plan.Measurement, read.Measurement);
        Assert.DoesNotContain(nameof(PlanMeasurement.Seconds), RankPlanFile.ToLineWithoutPath(plan), StringComparison.Ordinal);
    }

    [Fact]
    public void Ranks_by_hand_and_embeddings_keep_what_was_said_of_them()
    {
        ModelSource source = new ModelFolder(s_encoder).Write(_folder["model"]);
        Write(20, 4);
        string name = new MakePlan(Options with { Measured = null }).Run(source).Layers.First(l => l.Rank is not null).Name;
        RankPlan plan = new MakePlan(Options with { Selection = new LayerSelection { IncludeEmbedding = true }, Overrides = [new LayerOverride(name, n => n == name, 3)], Multiple = 3, MinRank = 3 }).Run(source);
        Assert.Equal(3, plan.Layers.Single(l => l.Name == name).Rank);
        Assert.All(plan.Layers.Where(l => l.Rank is not null), l => Assert.True(l.Rank % 3 == 0 && l.Rank >= 3));
        Assert.True(plan.Parameters <= plan.ParametersBefore * 0.4);
    }

    [Fact]
    public void What_cannot_be_measured_is_refused()
    {
        ModelSource source = new ModelFolder(s_encoder).Write(_folder["model"]);
        Write(10, 5);
        string Error(PlanOptions options) => Assert.Throws<LowRankToolsException>(() => new MakePlan(options).Run(source)).ErrorId;
        Assert.Equal(CoreErrors.OptionInvalid, Error(Options with { Rule = new RankRule.KeepRatio(0.4) }));
        Assert.Equal(CoreErrors.OptionInvalid, Error(Options with { Measured = Measured with { Measure = QualityMeasure.Perplexity } }));
        Assert.Equal(CoreErrors.OptionInvalid, Error(Options with { Measured = Measured with { Trials = 0 } }));
        Assert.Equal(CoreErrors.PathNotFound, Error(Options with { Measured = Measured with { Input = new InputText { TokenPath = _folder["none.txt"] } } }));
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => new MakePlan(Options).Run([new MatrixShape(10, 10)])).ErrorId);
    }

    [Fact]
    public void A_search_stops_between_trials_when_it_is_cancelled()
    {
        ModelSource source = new ModelFolder(s_encoder).Write(_folder["model"]);
        Write(20, 6);
        using CancellationTokenSource stop = new();
        StopAt progress = new(stop);
        Assert.ThrowsAny<OperationCanceledException>(() => new MakePlan(Options).Run(source, progress, stop.Token));
        Assert.Equal(3, progress.Trials);
    }

    private MeasuredPlanOptions Measured => new() { Input = new InputText { TokenPath = _folder["tokens.txt"] }, Trials = 60 };

    private PlanOptions Options => new() { Rule = new RankRule.TargetReduction(2.5), UseCache = false, Measured = Measured };

    private double Figure(ModelSource source, RankPlan plan, QualityMeasure measure)
    {
        FactorizationResult small = new FactorizeModel(new FactorizeOptions { Plan = plan, OutputPath = _folder["small"], UseCache = false, Force = true }).Run(source);
        return QualityMeasures.Figure(new MeasureQuality(new QualityOptions { Input = Measured.Input }, source).Run(new ModelSource(small.Path, "small")), measure);
    }

    private void Write(int count, int seed)
    {
        Random random = new(seed);
        File.WriteAllLines(_folder["tokens.txt"], Enumerable.Range(0, count).Select(_ => string.Join(' ', Enumerable.Range(0, 6 + random.Next(8)).Select(_ => (int)(60 * Math.Pow(random.NextDouble(), 3))))));
    }

    private sealed class StopAt(CancellationTokenSource stop) : IProgress<OperationProgress>
    {
        public int Trials { get; private set; }

        public void Report(OperationProgress value)
        {
            if (value.Activity == "Measuring" && ++Trials == 3)
                stop.Cancel();
        }
    }
}
