using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Numerics;
using static LowRankTools.Core.Tests.Calibration.CalibrationFiles;
using static LowRankTools.Core.Tests.Calibration.Dense;

namespace LowRankTools.Core.Tests.Calibration;

/// <summary>Plans whose errors are counted at the layers' outputs.</summary>
public sealed class CalibratedPlanTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private ModelSource Model() => new(TestModel.Write(_folder["model.safetensors"], TestModel.Random("fc.weight", 1, 30, 20), TestModel.Random("other.weight", 2, 16, 24), TestModel.Random("third.weight", 3, 12, 18)), "model");

    private CalibrationOptions Calibration() => new() { Path = Write(_folder["calibration.safetensors"], Gram("fc", Inputs(3, 20, 60)), Gram("other", Inputs(4, 24, 70))) };

    private static string ErrorOf(Action action) => Assert.ThrowsAny<LowRankToolsException>(action).ErrorId;

    [Theory]
    [InlineData(CalibrationMode.Full)]
    [InlineData(CalibrationMode.Diagonal)]
    public void The_plan_counts_what_the_truncation_then_discards(CalibrationMode mode)
    {
        ModelSource model = Model();
        CalibrationOptions calibration = Calibration() with { Mode = mode };
        RankPlan plan = new MakePlan(new PlanOptions { Rule = new RankRule.TargetReduction(2), Weighting = Weighting.Calibrated, Calibration = calibration }).Run(model);
        Assert.Equal((SpectrumOrigin.Calibration, true), (plan.Spectrum, plan.IsOptimal));
        plan.Layers[0].Rank ??= 5;
        plan.Layers[1].Rank ??= 4;
        FactorizationResult result = new FactorizeModel(new FactorizeOptions { Plan = plan, Calibration = calibration, OutputPath = _folder["out"] }).Run(model);
        for (int i = 0; i < 2 && mode == CalibrationMode.Full; i++)
            Assert.Equal(plan.Layers[i].RelativeError!.Value, result.Layers[i].CalibratedError!.Value, 3);
        Assert.Equal(plan.Layers.Select(l => l.Rank), result.Layers.Select(l => l.Rank));
    }

    [Fact]
    public void A_plan_finds_its_calibration_again_or_says_what_is_missing()
    {
        ModelSource model = Model();
        CalibrationOptions calibration = Calibration() with { Mode = CalibrationMode.Diagonal };
        RankPlan made = new MakePlan(new PlanOptions { Rule = new RankRule.TargetReduction(2), Weighting = Weighting.Calibrated, Calibration = calibration }).Run(model);
        RankPlan plan = RankPlanFile.Parse(RankPlanFile.ToFile(made), "plan");
        FactorizationResult Carried(CalibrationOptions? named, string output) =>
            new FactorizeModel(new FactorizeOptions { Plan = plan, Calibration = named, OutputPath = _folder[output] }).Run(model);
        Assert.Equal(Carried(calibration, "named").Layers.Select(l => l.CalibratedError), Carried(null, "found").Layers.Select(l => l.CalibratedError));

        Write(calibration.Path, Gram("fc", Inputs(5, 20, 60)));
        Assert.Equal(CoreErrors.CalibrationInvalid, ErrorOf(() => Carried(null, "changed")));
        File.Delete(calibration.Path);
        Assert.Equal(CoreErrors.PathNotFound, ErrorOf(() => Carried(null, "gone")));
        plan.Calibration = null;
        Assert.All(Carried(null, "plain").Layers, l => Assert.Null(l.CalibratedError));
    }

    [Fact]
    public void A_layer_that_the_file_does_not_know_is_weighed_by_its_weight()
    {
        ModelSource model = Model();
        RankPlan plain = new MakePlan(new PlanOptions { Rule = new RankRule.Fixed(4) }).Run(model);
        RankPlan calibrated = new MakePlan(new PlanOptions { Rule = new RankRule.Fixed(4), Weighting = Weighting.Calibrated, Calibration = Calibration() }).Run(model);
        Assert.Equal(plain.Layers[2].RelativeError, calibrated.Layers[2].RelativeError);
        Assert.NotEqual(plain.Layers[0].RelativeError, calibrated.Layers[0].RelativeError);
    }

    [Fact]
    public void Losses_in_different_units_are_not_added_up()
    {
        ModelSource model = Model();
        CalibrationOptions mixed = new() { Path = Write(_folder["mixed.safetensors"], Gram("fc", Inputs(3, 20, 60)), Gram("other", Inputs(4, 24, 70)), Gram("fc", Inputs(5, 30, 60), part: "output_gram")) };
        PlanOptions options = new() { Rule = new RankRule.TargetReduction(2), Weighting = Weighting.Calibrated, Calibration = mixed };
        Assert.Equal(CoreErrors.CalibrationInvalid, ErrorOf(() => new MakePlan(options).Run(model)));
        // Each layer by itself needs no common unit, and magnitudes have nothing to do with gradients.
        Assert.NotNull(new MakePlan(options with { Rule = new RankRule.Fixed(3) }).Run(model));
        Assert.NotNull(new MakePlan(options with { Calibration = mixed with { Mode = CalibrationMode.Diagonal } }).Run(model));
    }

    [Fact]
    public void An_energy_is_that_of_the_calibrated_outputs()
    {
        ModelSource model = Model();
        // Inputs in three directions only: three components are the whole output.
        CalibrationOptions use = new() { Path = Write(_folder["narrow.safetensors"], Gram("fc", Random(3, 20, 3))) };
        FactorizationResult result = new FactorizeModel(new FactorizeOptions { Rule = new RankRule.Energy(0.99), Calibration = use, UseCache = false, OutputPath = _folder["out"] }).Run(model);
        LayerFactorization layer = result.Layers.Single(l => l.Name == "fc.weight");
        Assert.InRange(layer.Rank!.Value, 1, 3);
        Assert.InRange(layer.CalibratedError!.Value, 0, Math.Sqrt(1 - 0.99) * 1.001);
    }

    [Fact]
    public void A_calibration_and_its_weighting_need_each_other_and_the_model()
    {
        PlanOptions options = new() { Rule = new RankRule.TargetReduction(2), Weighting = Weighting.Calibrated, Calibration = Calibration() };
        ModelSource model = Model();
        Assert.Equal(CoreErrors.OptionInvalid, ErrorOf(() => new MakePlan(options with { Calibration = null }).Run(model)));
        Assert.Equal(CoreErrors.OptionInvalid, ErrorOf(() => new MakePlan(options with { Weighting = Weighting.Relative }).Run(model)));
        Assert.Equal(CoreErrors.OptionInvalid, ErrorOf(() => new MakePlan(options with { IsAdapter = true }).Run(model)));
        Assert.Equal(CoreErrors.PathNotFound, ErrorOf(() => new MakePlan(options with { Calibration = new CalibrationOptions { Path = _folder["none"] } }).Run(model)));
        ModelSource other = new(TestModel.Write(_folder["other.safetensors"], TestModel.Random("x.weight", 1, 30, 20)), "other");
        Assert.Equal(CoreErrors.CalibrationUnmatched, ErrorOf(() => new MakePlan(options).Run(other)));
        ModelSource resized = new(TestModel.Write(_folder["resized.safetensors"], TestModel.Random("fc.weight", 1, 30, 21)), "resized");
        Assert.Equal(CoreErrors.CalibrationInvalid, ErrorOf(() => new MakePlan(options).Run(resized)));
    }
}
