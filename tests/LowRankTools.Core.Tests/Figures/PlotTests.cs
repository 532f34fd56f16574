using LowRankTools.Core.Comparison;
using LowRankTools.Core.Counting;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Figures;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Spectra;
using LowRankTools.Core.Speed;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Figures;

/// <summary>What the plots show is what the results say.</summary>
public sealed class PlotTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private ModelSource Model() => new(TestModel.Write(_folder["in/m.safetensors"],
        TestModel.WithSpectrum("a.weight", 1, 12, 20, 9, 5, 3, 2, 1, 0.5, 0.2, 0.1),
        TestModel.Random("a.bias", 2, 12),
        TestModel.WithSpectrum("b.weight", 3, 16, 10, 0.9, 0.85, 0.8, 0.75, 0.7, 0.6, 0.5),
        TestModel.WithSpectrum("c.weight", 4, 8, 30, 40, 4, 3, 2.5, 2.4)), "m");

    private static List<LayerSpectrum> Spectra(ModelSource model, int top = 0) => [.. new MeasureSpectra(new SpectrumOptions { UseCache = false, Top = top }).Run(model)];

    private static RankPlan Plan(ModelSource model, RankRule rule) => new MakePlan(new PlanOptions { Rule = rule, UseCache = false }).Run(model);

    private static FigureSeries Named(Figure figure, string name) => figure.Series.Single(s => s.Name.StartsWith(name, StringComparison.Ordinal));

    [Fact]
    public void Spectra_fall_from_one_and_chosen_ranks_lie_on_them()
    {
        ModelSource model = Model();
        List<LayerSpectrum> spectra = Spectra(model);
        RankPlan plan = Plan(model, new RankRule.Fixed(3));
        Figure figure = Plot.Spectrum(spectra, plan);
        Assert.All(spectra, s => Assert.Equal(1, Named(figure, s.Name).Y[0]));
        FigureSeries[] chosen = [.. figure.Series.Where(s => s.Kind == SeriesKind.Points)];
        Assert.Equal(plan.FactorizedLayers, chosen.Length);
        Assert.All(chosen, c => Assert.Equal((3, spectra[c.Color!.Value].SingularValues[2] / spectra[c.Color!.Value].SpectralNorm), (c.X[0], c.Y[0])));
    }

    [Fact]
    public void Of_many_spectra_the_flattest_and_the_steepest_are_drawn_and_all_are_in_the_table()
    {
        LayerSpectrum pattern = Spectra(Model())[0];
        LayerSpectrum[] many = [.. Enumerable.Range(1, 30).Select(i => pattern with { Name = $"layer {i}", EffectiveRank = i / 3.0 })];
        Figure figure = Plot.Spectrum(many);
        Assert.InRange(figure.Series.Count, 2, 12);
        Assert.Contains(figure.Series, s => s.Name == "layer 1");
        Assert.Contains(figure.Series, s => s.Name == "layer 30");
        Assert.Equal(30, figure.Table.Rows.Count);
    }

    [Fact]
    public void Bars_add_up_to_the_plan()
    {
        RankPlan plan = Plan(Model(), new RankRule.TargetReduction(2));
        Figure parameters = Plot.ParametersByLayer(plan), bytes = Plot.SizeByLayer(plan);
        Assert.Equal((plan.ParametersBefore, plan.Parameters), ((long)Named(parameters, "before").X.Sum(), (long)Named(parameters, "after").X.Sum()));
        Assert.Equal(plan.Bytes, Named(bytes, "after").X.Sum() * (1 << 20), 1e-6);
    }

    [Fact]
    public void What_has_no_bar_of_its_own_is_in_the_one_of_the_rest()
    {
        ModelSource model = new(TestModel.Write(_folder["in/many.safetensors"], [.. Enumerable.Range(1, 60).Select(i => TestModel.Random($"l{i}.weight", i, 4 + i, 6))]), "many");
        ParameterCount count = CountParameters.Run(model, detailed: true);
        Figure figure = Plot.ParametersByLayer(count);
        Assert.True(figure.Y.Categories!.Count < 60);
        Assert.Equal(count.Parameters, (long)Assert.Single(figure.Series).X.Sum());
        Assert.Equal(60, figure.Table.Rows.Count);
    }

    [Fact]
    public void Sizes_of_a_model_lie_on_a_straight_line_over_its_ranks()
    {
        ModelSource model = Model();
        FactorizationResult[] runs = [.. new[] { 3, 1, 2 }.Select(rank => new FactorizeModel(new FactorizeOptions { Rule = new RankRule.Fixed(rank), OutputPath = _folder[$"out{rank}"], WhatIf = true }).Run(model))];
        Figure figure = Plot.SizeAgainstRank(runs);
        FigureSeries pairs = figure.Series[0], dense = figure.Series[1];
        Assert.Equal([1, 2, 3], pairs.X);
        Assert.Equal(pairs.Y[1] - pairs.Y[0], pairs.Y[2] - pairs.Y[1], 1e-9);
        Assert.All(dense.Y, size => Assert.Equal(runs[0].BytesBefore, size * (1 << 20), 1e-6));
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => Plot.SizeAgainstRank([])).ErrorId);
    }

    [Fact]
    public void Errors_of_a_plan_are_the_bars()
    {
        RankPlan plan = Plan(Model(), new RankRule.Fixed(3));
        Figure figure = Plot.ErrorByLayer(plan);
        Assert.Equal(plan.Layers.Where(l => l.Rank is not null).Select(l => l.RelativeError!.Value), Assert.Single(figure.Series).X);
    }

    [Fact]
    public void Ranks_where_they_pay_most_are_never_worse_than_the_same_share_everywhere()
    {
        Figure figure = Plot.ErrorAgainstKept(Spectra(Model()));
        FigureSeries even = Named(figure, "the same share"), best = Named(figure, "ranks where");
        for (int i = 0; i < even.X.Count; i++)
        {
            // The least error at a cost is at most that of the cheapest point passed on the other curve.
            double[] within = [.. best.Y.Where((_, j) => best.X[j] >= even.X[i])];
            Assert.True(within.Length == 0 || within.Max() <= even.Y[i] + 1e-12);
        }
        Assert.All(best.Y.Zip(best.Y.Skip(1)), pair => Assert.True(pair.First >= pair.Second));
    }

    [Theory]
    [InlineData(1.2), InlineData(1.6), InlineData(2.5), InlineData(4)]
    public void No_plan_lies_below_ranks_where_they_pay_most(double reduction)
    {
        RankPlan plan = Plan(Model(), new RankRule.TargetReduction(reduction));
        FigureSeries best = Named(Plot.ErrorAgainstKept(Spectra(Model()), [plan]), "ranks where");
        int dearer = Enumerable.Range(0, best.X.Count).First(i => best.X[i] >= plan.KeptRatio);

        // Squared errors of the best choices are convex in their cost: a plan of any cost lies above the line between two of them.
        Assert.True(plan.RelativeError >= best.Y[dearer] - 1e-9);
        if (dearer > 0)
        {
            double share = (plan.KeptRatio - best.X[dearer - 1]) / (best.X[dearer] - best.X[dearer - 1]);
            double line = (best.Y[dearer - 1] * best.Y[dearer - 1] * (1 - share)) + (best.Y[dearer] * best.Y[dearer] * share);
            Assert.True(plan.RelativeError * plan.RelativeError >= line - 1e-9);
        }
        Assert.Equal((1.0, 0.0), (best.X[^1], best.Y[^1]));
    }

    [Fact]
    public void The_same_share_everywhere_has_the_error_of_Eckart_and_Young()
    {
        LayerSpectrum one = Spectra(Model())[0];
        FigureSeries even = Named(Plot.ErrorAgainstKept([one]), "the same share");
        for (int i = 0; i < even.X.Count; i++)
        {
            int rank = (int)Math.Round(even.X[i] * 12 * 20 / (12 + 20));
            double tail = one.SingularValues.Skip(rank).Sum(s => s * s);
            Assert.Equal(Math.Sqrt(tail) / one.FrobeniusNorm, even.Y[i], 1e-9);
        }
    }

    [Fact]
    public void Error_against_kept_share_takes_whole_spectra()
    {
        List<LayerSpectrum> cut = Spectra(Model(), top: 2);
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => Plot.ErrorAgainstKept(cut)).ErrorId);
    }

    [Fact]
    public void The_front_holds_exactly_the_choices_that_none_beats()
    {
        Random random = new(5);
        ParetoPoint[] points = [.. Enumerable.Range(0, 200).Select(i => new ParetoPoint($"p{i}", random.Next(30), random.Next(30)))];
        Figure figure = Plot.Pareto(points, "cost", "error", "made up");
        FigureSeries front = Named(figure, "not beaten");
        HashSet<(double, double)> expected = [.. points.Where(p => !points.Any(q => q.Cost <= p.Cost && q.Error <= p.Error && (q.Cost < p.Cost || q.Error < p.Error))).Select(p => (p.Cost, p.Error))];
        Assert.Equal(expected.Order(), front.X.Zip(front.Y));
    }

    [Fact]
    public void Plans_without_an_error_are_left_out_and_told()
    {
        RankPlan shapes = new MakePlan(new PlanOptions { Rule = new RankRule.TargetReduction(2) }).Run([new MatrixShape(20, 30)]);
        Figure figure = Plot.Pareto([Plan(Model(), new RankRule.Fixed(2)), shapes]);
        Assert.Single(figure.Table.Rows);
        Assert.Contains("left out", figure.Protocol, StringComparison.Ordinal);
    }

    [Fact]
    public void Times_are_drawn_with_the_dense_time_and_both_break_even_ranks()
    {
        MeasureLayerSpeed operation = new(new LayerSpeedOptions { Ranks = [2, 8, 16], BatchSize = 4, Timing = new TimingOptions().WithRuns(1) });
        IReadOnlyList<LayerSpeed> speeds = operation.Run(MeasuredLayer.Of(new MatrixShape(64, 48)));
        Figure figure = Plot.TimeAgainstRank(speeds);
        Assert.Equal(speeds.Select(s => s.Pair.MedianSeconds * 1000), Named(figure, "pair").Y);
        Assert.All(Named(figure, "break-even by count").X, x => Assert.Equal(speeds[0].BreakEvenRank, x));
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => Plot.TimeAgainstRank([])).ErrorId);
    }

    [Fact]
    public void Losses_keep_their_steps_and_uneven_ones_are_refused()
    {
        Figure figure = Plot.LossCurves([new LossCurve("run", [3, 2, 1], [0, 10, 20])]);
        Assert.Equal([0, 10, 20], Assert.Single(figure.Series).X);
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => Plot.LossCurves([new LossCurve("run", [3, 2], [0])])).ErrorId);
    }

    [Fact]
    public void A_comparison_has_a_bar_for_every_tensor_that_differs()
    {
        string other = TestModel.Write(_folder["in/other.safetensors"],
            TestModel.WithSpectrum("a.weight", 9, 12, 20, 9, 5), TestModel.Random("a.bias", 2, 12));
        TensorDifference[] differences = [.. new CompareModels(withRank: false).Run(Model(), new ModelSource(other, "other"))];
        Figure figure = Plot.Comparison(differences);
        Assert.Equal(["a.weight"], figure.Y.Categories!);
        Assert.Equal(differences.Length, figure.Table.Rows.Count);
    }
}
