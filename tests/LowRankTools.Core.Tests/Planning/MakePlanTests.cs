using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Planning;

public sealed class MakePlanTests : IDisposable
{
    private static readonly MatrixShape[] s_seed = [new(10, 30), new(10, 5), new(10, 5), new(10, 20)];

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private ModelSource Model(params (string Name, long[] Shape, float[] Values)[] tensors) => new(TestModel.Write(_folder["in/m.safetensors"], tensors), "m");

    /// <summary>Three layers of different sizes, scales and decays, a bias and an embedding.</summary>
    private ModelSource Small() => Model(
        TestModel.WithSpectrum("a.weight", 1, 12, 20, 9, 5, 3, 2, 1, 0.5, 0.2, 0.1),
        TestModel.Random("a.bias", 2, 12),
        TestModel.WithSpectrum("b.weight", 3, 16, 10, 0.9, 0.85, 0.8, 0.75, 0.7, 0.6, 0.5),
        TestModel.WithSpectrum("c.weight", 4, 8, 30, 40, 4, 3, 2.5, 2.4),
        TestModel.Random("token_emb.weight", 5, 40, 6));

    private static PlanOptions Options(RankRule rule) => new() { Rule = rule };

    private static int?[] Ranks(RankPlan plan) => [.. plan.Layers.Select(l => l.Rank)];

    private static string ErrorOf(Action action) => Assert.Throws<LowRankToolsException>(action).ErrorId;

    [Fact]
    public void The_seeds_layers_fall_three_times_at_ranks_of_two()
    {
        RankPlan plan = new MakePlan(Options(new RankRule.TargetReduction(3)) with { MinRank = 2 }).Run(s_seed);
        Assert.Equal([2, 2, 2, 2], Ranks(plan));
        Assert.Equal((600, 200), (plan.ParametersBefore, plan.Parameters));
        Assert.True(plan.IsOptimal);
        Assert.Equal(SpectrumOrigin.Assumed, plan.Spectrum);
        Assert.Null(plan.RelativeError); // an assumed spectrum predicts nothing
    }

    [Fact]
    public void The_seeds_adapters_train_a_third_while_the_weights_stay()
    {
        RankPlan plan = new MakePlan(Options(new RankRule.TargetReduction(3)) with { MinRank = 2, IsAdapter = true }).Run(s_seed);
        Assert.Equal([2, 2, 2, 2], Ranks(plan));
        Assert.Equal((600, 200, 800), (plan.ParametersBefore, plan.Parameters, plan.ModelParameters));
        Assert.All(plan.Layers, l => Assert.Equal(2 * l.Rows * l.Columns + 2 * 2 * (l.Rows + l.Columns), l.Flops));
    }

    [Fact]
    public void A_reduction_that_the_smallest_ranks_do_not_allow_is_refused_and_the_nearest_is_named()
    {
        MakePlan more = new(Options(new RankRule.TargetReduction(3.001)) with { MinRank = 2 });
        LowRankToolsException error = Assert.Throws<LowRankToolsException>(() => more.Run(s_seed));
        Assert.Equal(CoreErrors.BudgetTooSmall, error.ErrorId);
        Assert.Contains("-MinRank 2", error.Message, StringComparison.Ordinal);
        Assert.Contains("-TargetReduction 3.", error.Remedy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1.2, Weighting.Absolute, 1, 1)]
    [InlineData(1.7, Weighting.Relative, 1, 1)]
    [InlineData(2.5, Weighting.Relative, 1, 1)]
    [InlineData(1.5, Weighting.Absolute, 2, 1)]
    [InlineData(1.5, Weighting.Relative, 1, 2)]
    [InlineData(2.2, Weighting.Absolute, 1, 3)]
    public void No_allowed_ranks_have_a_smaller_error_within_the_reduction(double factor, Weighting weighting, int minRank, int multiple)
    {
        PlanOptions options = Options(new RankRule.TargetReduction(factor)) with { Weighting = weighting, MinRank = minRank, Multiple = multiple };
        RankPlan plan = new MakePlan(options).Run(Small());
        LayerPlan[] chosen = [.. plan.Layers.Where(l => l.IsChosen)];
        Assert.Equal(["a.weight", "b.weight", "c.weight"], chosen.Select(l => l.Name));
        long budget = (long)(plan.ParametersBefore / factor);
        Assert.InRange(plan.Parameters, 1, budget);
        double found = plan.RelativeError!.Value, best = double.PositiveInfinity;
        Each(chosen, 0, minRank, multiple, () =>
        {
            if (plan.Parameters <= budget)
                best = Math.Min(best, plan.RelativeError!.Value);
        });
        Assert.Equal(best, found, 9);
    }

    [Theory]
    [InlineData(0.05)]
    [InlineData(0.2)]
    [InlineData(0.5)]
    public void No_allowed_ranks_have_fewer_parameters_within_the_error(double error)
    {
        RankPlan plan = new MakePlan(Options(new RankRule.MaxRelativeError(error))).Run(Small());
        Assert.True(plan.IsOptimal);
        Assert.InRange(plan.RelativeError!.Value, 0, error);
        long found = plan.Parameters, least = long.MaxValue;
        Each([.. plan.Layers.Where(l => l.IsChosen)], 0, 1, 1, () =>
        {
            if (plan.RelativeError <= error)
                least = Math.Min(least, plan.Parameters);
        });
        Assert.Equal(least, found);
    }

    /// <summary>Puts every combination of allowed ranks into a plan.</summary>
    private static void Each(LayerPlan[] layers, int at, int minRank, int multiple, Action look)
    {
        if (at == layers.Length)
        {
            look();
            return;
        }
        for (int rank = minRank; rank <= RankBounds.BreakEven(layers[at].Rows, layers[at].Columns); rank++)
        {
            if (rank % multiple != 0)
                continue;
            layers[at].Rank = rank;
            Each(layers, at + 1, minRank, multiple, look);
        }
        layers[at].Rank = null;
        Each(layers, at + 1, minRank, multiple, look);
    }

    [Fact]
    public void The_predicted_error_is_the_measured_one()
    {
        ModelSource model = Small();
        RankPlan plan = new MakePlan(Options(new RankRule.TargetReduction(2))).Run(model);
        FactorizationResult result = new FactorizeModel(new FactorizeOptions { Plan = plan, OutputPath = _folder["out"] }).Run(model);
        foreach ((LayerPlan planned, LayerFactorization measured) in plan.Layers.Zip(result.Layers))
        {
            Assert.Equal((planned.Name, planned.Rank, planned.Parameters, planned.Bytes, planned.Reason), (measured.Name, measured.Rank, measured.Parameters, measured.Bytes, measured.Reason));
            if (planned.Rank is not null)
                Assert.InRange(measured.RelativeError!.Value, planned.RelativeError!.Value - 1e-4, planned.RelativeError.Value * 1.003 + 1e-4);
        }
        Assert.Equal((plan.ModelParameters, plan.ModelBytes, plan.Rule), (result.Parameters, result.Bytes, result.Rule));
    }

    [Fact]
    public void A_byte_budget_is_kept_by_the_file_that_is_written()
    {
        ModelSource model = Small();
        foreach (TensorDType? dtype in new TensorDType?[] { null, TensorDType.F16 })
        {
            const long budget = 3200;
            RankPlan plan = new MakePlan(Options(new RankRule.ByteBudget(budget)) with { DType = dtype }).Run(model);
            FactorizationResult result = new FactorizeModel(new FactorizeOptions { Plan = plan, DType = dtype, OutputPath = _folder["out"], Force = true }).Run(model);
            Assert.Equal(plan.ModelBytes, result.Bytes);
            Assert.InRange(result.Bytes, budget * 0.9, budget);
        }
        LowRankToolsException error = Assert.Throws<LowRankToolsException>(() => new MakePlan(Options(new RankRule.ByteBudget(1100))).Run(model));
        Assert.Equal(CoreErrors.BudgetTooSmall, error.ErrorId);
        long least = long.Parse(error.Remedy.Split(' ')[^1].TrimEnd('.'), System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal(least, new MakePlan(Options(new RankRule.ByteBudget(least))).Run(model).ModelBytes);
        Assert.Equal(CoreErrors.BudgetTooSmall, ErrorOf(() => new MakePlan(Options(new RankRule.ByteBudget(least - 1))).Run(model)));
    }

    [Fact]
    public void A_parameter_budget_is_of_the_whole_model()
    {
        RankPlan plan = new MakePlan(Options(new RankRule.ParameterBudget(600))).Run(Small());
        Assert.InRange(plan.ModelParameters, 560, 600);
        Assert.Equal(12 + 240, plan.ModelParameters - plan.Parameters);
    }

    [Fact]
    public void Overrides_go_before_the_rule_the_minimum_and_the_selection()
    {
        PlanOptions options = Options(new RankRule.TargetReduction(1.5)) with
        {
            MinRank = 3,
            Overrides = [new LayerOverride("a", n => n == "a", 1), new LayerOverride("*emb*", LayerSelection.Pattern("*emb*"), 2), new LayerOverride("c.weight", n => n == "c.weight", null)],
        };
        RankPlan plan = new MakePlan(options).Run(Small());
        Assert.Equal((1, null, 2), (plan.Layers[0].Rank, plan.Layers[2].Rank, plan.Layers[3].Rank));
        Assert.Equal(KeepReason.ByHand, plan.Layers[2].Reason);
        Assert.True(plan.Layers[1].Rank is null or >= 3);
        Assert.InRange(plan.Parameters, 1, (long)(plan.ParametersBefore / 1.5));
    }

    [Fact]
    public void Overrides_that_contradict_exceed_or_miss_are_refused()
    {
        LayerOverride any = new("*", _ => true, 2), b = new("b*", n => n.StartsWith('b'), 3), exact = new("b", n => n == "b", 4);
        string Of(params LayerOverride[] overrides) => ErrorOf(() => new MakePlan(Options(new RankRule.Fixed(2)) with { Overrides = overrides }).Run(Small()));
        Assert.Equal(CoreErrors.OptionInvalid, Of(any, b));
        Assert.Equal(CoreErrors.RankExceedsLayer, Of(any with { Rank = 11 }));
        Assert.Equal(CoreErrors.LayerNotFound, Of(any with { Pattern = "z*", Matches = n => n.StartsWith('z') }));
        Assert.Equal(4, new MakePlan(Options(new RankRule.Fixed(2)) with { Overrides = [b, exact] }).Run(Small()).Layers[1].Rank);
    }

    [Fact]
    public void Layers_that_share_a_storage_share_the_rank_and_are_counted_once()
    {
        Dictionary<string, string> tie = new() { ["b.weight"] = "a.weight" };
        ModelSource model = new(TestModel.Write(_folder["in/m.safetensors"], tie, TestModel.Random("a.weight", 1, 50, 20)), "m");
        RankPlan plan = new MakePlan(Options(new RankRule.TargetReduction(2))).Run(model);
        LayerPlan leader = plan.Layers[0], follower = plan.Layers[1];
        Assert.Equal((7, "a.weight", 1000, 0), (follower.Rank, follower.TiedTo, plan.ParametersBefore, follower.Parameters));
        follower.Rank = 3;
        Assert.Equal(3, leader.Rank);
        Assert.Equal(3 * 70, plan.Parameters);
    }

    [Fact]
    public void Ranks_that_are_changed_by_hand_change_every_figure()
    {
        RankPlan plan = new MakePlan(Options(new RankRule.TargetReduction(2))).Run(Small());
        double before = plan.RelativeError!.Value;
        plan.Layers[0].Rank = 1;
        Assert.Equal((32, 128, true, false), (plan.Layers[0].Parameters, plan.Layers[0].Bytes, plan.IsEdited, plan.IsOptimal));
        Assert.Equal(Math.Sqrt(1 - 81 / 120.3), plan.Layers[0].RelativeError!.Value, 2);
        Assert.True(plan.RelativeError > before);
        plan.Layers[0].Rank = null;
        Assert.Equal((KeepReason.ByHand, 240, 0.0), (plan.Layers[0].Reason, plan.Layers[0].Parameters, plan.Layers[0].RelativeError));
    }

    [Fact]
    public void Rules_need_what_they_speak_of()
    {
        Assert.Equal(CoreErrors.OptionInvalid, ErrorOf(() => new MakePlan(Options(new RankRule.Energy(0.9))).Run(s_seed)));
        Assert.Equal(CoreErrors.OptionInvalid, ErrorOf(() => new MakePlan(Options(new RankRule.MaxRelativeError(0.1))).Run(s_seed)));
        Assert.Equal(CoreErrors.OptionInvalid, ErrorOf(() => new MakePlan(Options(new RankRule.TargetReduction(2)) with { Weighting = Weighting.Absolute }).Run(s_seed)));
        Assert.Equal(CoreErrors.OptionInvalid, ErrorOf(() => new MakePlan(Options(new RankRule.Energy(0.9)) with { IsAdapter = true }).Run(Small())));
        Assert.Equal(CoreErrors.OptionInvalid, ErrorOf(() => new MakePlan(Options(new RankRule.TargetReduction(2))).Run([new MatrixShape(int.MaxValue, int.MaxValue)])));
    }

    [Theory]
    [InlineData(10, 1, 8)]
    [InlineData(10, 12, 1)]
    [InlineData(10, 0, 1)]
    [InlineData(10, 1, 0)]
    public void Constraints_that_contradict_the_rank_are_refused(int rank, int minRank, int multiple) =>
        Assert.Equal(CoreErrors.OptionInvalid, ErrorOf(() => new MakePlan(Options(new RankRule.Fixed(rank)) with { MinRank = minRank, Multiple = multiple }).Run(s_seed)));

    [Fact]
    public void Rules_of_single_layers_keep_to_multiples_and_the_minimum()
    {
        ModelSource model = Small();
        Assert.Equal([6, 6, 6, null], Ranks(new MakePlan(Options(new RankRule.KeepRatio(0.99)) with { Multiple = 2 }).Run(model)));
        Assert.Equal([3, 6, 3, null], Ranks(new MakePlan(Options(new RankRule.Energy(0.9)) with { MinRank = 3 }).Run(model)));
    }
}
