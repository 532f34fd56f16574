using LowRankTools.Core.Calibration;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Tests.Calibration;
using LowRankTools.Core.Tokens;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Tests.Planning;

/// <summary>Plans that count what the loss changes by, to first order, for each direction that is dropped.</summary>
public sealed class FirstOrderPlanTests : IDisposable
{
    private const int Size = 12, Layers = 3;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(1.4, 1)]
    [InlineData(2.5, 1)]
    [InlineData(2.2, 2)]
    public void No_allowed_ranks_lose_less_of_the_summed_scores_within_the_reduction(double factor, int multiple)
    {
        (ModelSource model, CalibrationOptions use, double[][] scores) = Diagonal();
        RankPlan plan = new MakePlan(Options(use) with { Rule = new RankRule.TargetReduction(factor), Multiple = multiple }).Run(model);
        int?[] allowed = [.. Enumerable.Range(1, Size).Where(r => r % multiple == 0 && 2 * r < Size).Select(r => (int?)r), null];
        double Lost(int layer, int? rank) => rank is { } r ? scores[layer].Skip(r).Sum() : 0;
        long Cost(int? rank) => rank is { } r ? 2 * Size * r : Size * Size;
        double least = (from a in allowed
                        from b in allowed
                        from c in allowed
                        where Cost(a) + Cost(b) + Cost(c) <= Layers * Size * Size / factor
                        select Lost(0, a) + Lost(1, b) + Lost(2, c)).Min();
        Assert.Equal(least, plan.Layers.Select((l, i) => Lost(i, l.Rank)).Sum(), 1e-4 * scores.Sum(s => s.Sum()));
        Assert.InRange(plan.Parameters, 1, (long)(Layers * Size * Size / factor));
        Assert.Equal((Weighting.FirstOrder, (double?)null), (plan.Weighting, plan.LowerBound));
        // Predicted errors are those of the truncation that carries the plan out.
        FactorizationResult result = new FactorizeModel(new FactorizeOptions { Plan = RankPlanFile.Parse(RankPlanFile.ToFile(plan), "plan"), OutputPath = _folder["out"] }).Run(model);
        Assert.Equal(plan.Layers.Select(l => l.Rank), result.Layers.Select(l => l.Rank));
        Assert.All(plan.Layers.Zip(result.Layers).Where(p => p.First.Rank is not null), p => Assert.Equal(p.First.RelativeError!.Value, p.Second.CalibratedError!.Value, 1e-3));
    }

    [Fact]
    public void A_layer_at_which_the_loss_has_no_slope_is_cut_before_all_others()
    {
        (ModelSource model, CalibrationOptions use, _) = Diagonal(flat: 1);
        RankPlan plan = new MakePlan(Options(use) with { Rule = new RankRule.TargetReduction(1.4) }).Run(model);
        Assert.Equal(1, plan.Layers[1].Rank);
        Assert.All((int[])[0, 2], i => Assert.True(plan.Layers[i].Rank is null or > 1));
    }

    [Fact]
    public void Scores_are_what_the_loss_changes_by_and_add_up_to_all_of_the_weight()
    {
        double[,] left = Dense.Random(1, 9, 5), right = Dense.Random(2, 5, 7), gradient = Dense.Random(3, 9, 7);
        using Matrix<double> b = Matrix<double>.From(9, 5, [.. left.Cast<double>()]), a = Matrix<double>.From(5, 7, [.. right.Cast<double>()]), g = Matrix<double>.From(9, 7, [.. gradient.Cast<double>()]);
        double[] scores = FirstOrderScores.Of(Dense.Engine, b, g, a, default);
        for (int k = 0; k < 5; k++)
            Assert.Equal(Math.Abs(Enumerable.Range(0, 9).Sum(i => Enumerable.Range(0, 7).Sum(j => left[i, k] * gradient[i, j] * right[k, j]))), scores[k], 1e-12);
    }

    [Fact]
    public void What_is_missing_or_contradicts_is_refused()
    {
        (ModelSource model, CalibrationOptions use, _) = Diagonal();
        PlanOptions options = Options(use) with { Rule = new RankRule.TargetReduction(2) };
        string Id(PlanOptions wrong) => Assert.ThrowsAny<LowRankToolsException>(() => new MakePlan(wrong).Run(model)).ErrorId;
        Assert.Equal(CoreErrors.OptionInvalid, Id(options with { Calibration = null }));
        Assert.Equal(CoreErrors.OptionInvalid, Id(options with { Rule = new RankRule.Fixed(2) }));
        Assert.Equal(CoreErrors.OptionInvalid, Id(options with { Rule = new RankRule.MaxRelativeError(0.5) }));
        Assert.Equal(CoreErrors.OptionInvalid, Id(options with { Measured = new MeasuredPlanOptions { Input = new InputText { TokenPath = model.Path } } }));
        double[,] gram = Dense.Inputs(1, Size, 20);
        CalibrationOptions Of(params (string, LowRankTools.Formats.Tensors.TensorDType, double[,], bool)[] more) =>
            new() { Path = CalibrationFiles.Write(_folder[$"{more.Length}.safetensors"], [.. Enumerable.Range(0, Layers).Select(i => CalibrationFiles.Gram($"layer{i}", gram)), .. more]) };
        Assert.Equal(CoreErrors.CalibrationInvalid, Id(options with { Calibration = Of() }));
        Assert.Equal(CoreErrors.CalibrationInvalid, Id(options with { Calibration = Of(CalibrationFiles.Tensor("layer0.weight_gradient", Dense.Random(1, Size, Size + 1))) }));
    }

    private static PlanOptions Options(CalibrationOptions use) => new() { Rule = new RankRule.TargetReduction(2), Weighting = Weighting.FirstOrder, Calibration = use, UseCache = false };

    /// <summary>Diagonal weights on white inputs, whose directions are the axes: direction k of value s has the score s |G_kk|.</summary>
    private (ModelSource Model, CalibrationOptions Use, double[][] Scores) Diagonal(int? flat = null)
    {
        Random random = new(4);
        List<(string, long[], float[])> weights = [];
        List<(string, LowRankTools.Formats.Tensors.TensorDType, double[,], bool)> tensors = [];
        double[][] scores = new double[Layers][];
        double[,] white = new double[Size, Size];
        for (int i = 0; i < Size; i++)
            white[i, i] = 1;
        for (int layer = 0; layer < Layers; layer++)
        {
            float[] weight = new float[Size * Size];
            double[,] gradient = Dense.Random(10 + layer, Size, Size);
            scores[layer] = new double[Size];
            for (int k = 0; k < Size; k++)
            {
                weight[k * (Size + 1)] = (float)((layer + 1) * Math.Pow(0.8, k));
                scores[layer][k] = layer == flat ? 0 : weight[k * (Size + 1)] * Math.Abs(gradient[k, k]);
            }
            weights.Add(($"layer{layer}.weight", [Size, Size], weight));
            tensors.Add(CalibrationFiles.Gram($"layer{layer}", white));
            tensors.Add(CalibrationFiles.Tensor($"layer{layer}.weight_gradient", layer == flat ? new double[Size, Size] : gradient));
        }
        return (new ModelSource(TestModel.Write(_folder["model.safetensors"], [.. weights]), "model"), new CalibrationOptions { Path = CalibrationFiles.Write(_folder["calibration.safetensors"], [.. tensors]) }, scores);
    }
}
