using System.Text.RegularExpressions;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Figures;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Reports;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Tests.Reports;

/// <summary>Reports are whole files that show what they are of, and are text where a model's author wrote it.</summary>
public sealed partial class ReportTests : IDisposable
{
    private const long LargestPage = 6_000_000;

    private readonly ReportSample _sample = new();

    public void Dispose() => _sample.Dispose();

    private ReportOptions Options => ReportSample.Options with { OutputPath = _sample["out"] };

    private static string PageOf(ReportResult result)
    {
        Assert.True(result.Written);
        Assert.Equal(new FileInfo(result.Path).Length, result.Bytes);
        Assert.InRange(result.Bytes, 1, LargestPage);
        return File.ReadAllText(result.Path);
    }

    private static int Figures(string page) => Figure().Count(page);

    private static string ErrorOf(Action action) => Assert.Throws<LowRankToolsException>(action).ErrorId;

    [Fact]
    public void A_dense_model_is_shown_with_its_spectra()
    {
        ReportResult result = new ExportReport(Options).Run(_sample.Dense());
        string page = PageOf(result);
        Assert.Equal(result.Figures, Figures(page));
        Assert.Contains("Singular values", page, StringComparison.Ordinal);
        Assert.Contains("Error against kept share", page, StringComparison.Ordinal);
        Assert.DoesNotContain("The plan</h2>", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Spectra_can_be_left_out()
    {
        Assert.DoesNotContain("Singular values", PageOf(new ExportReport(Options with { SkipSpectrum = true }).Run(_sample.Dense())), StringComparison.Ordinal);
    }

    [Fact]
    public void A_plan_is_shown_with_every_decision_with_or_without_its_model()
    {
        RankPlan plan = _sample.Plan();
        string with = PageOf(new ExportReport(Options).Run(plan));
        Assert.Contains("Singular values", with, StringComparison.Ordinal);
        File.Delete(plan.Path!);
        string without = PageOf(new ExportReport(Options with { Force = true }).Run(plan));
        foreach (string page in new[] { with, without })
        {
            Assert.Contains("The plan</h2>", page, StringComparison.Ordinal);
            Assert.All(plan.Layers, l => Assert.Contains(SvgText.Escape(l.Name), page, StringComparison.Ordinal));
        }
        Assert.DoesNotContain("Singular values", without, StringComparison.Ordinal);
    }

    [Fact]
    public void A_result_is_shown_beside_its_source_and_a_model_beside_its_reference()
    {
        FactorizationResult result = _sample.Factorized();
        string ofResult = PageOf(new ExportReport(Options).Run(result));
        string ofModel = PageOf(new ExportReport(Options with { Force = true, Reference = _sample.Dense() }).Run(new ModelSource(result.Path, "small")));
        foreach (string page in new[] { ofResult, ofModel })
        {
            Assert.Contains("Error by layer", page, StringComparison.Ordinal);
            Assert.Contains("Difference by tensor", page, StringComparison.Ordinal);
            Assert.Contains("Singular values", page, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_result_that_was_not_written_is_shown_as_it_would_be()
    {
        FactorizationResult result = _sample.Factorized(whatIf: true);
        string page = PageOf(new ExportReport(Options).Run(result));
        Assert.Contains("would be written", page, StringComparison.Ordinal);
        Assert.DoesNotContain("Difference by tensor", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Speed_is_measured_when_asked_for()
    {
        Assert.Contains("Time against rank", PageOf(new ExportReport(Options with { IncludeSpeed = true, SkipSpectrum = true }).Run(_sample.Dense())), StringComparison.Ordinal);
    }

    [Fact]
    public void Names_of_layers_cannot_add_to_the_page()
    {
        string page = PageOf(new ExportReport(Options).Run(_sample.Plan()));
        // What the page itself has: a script a figure, and two that run.
        Assert.Equal(Figures(page) + 2, Script().Count(page));
        Assert.DoesNotContain(ReportSample.HostileName, page, StringComparison.Ordinal);
        Assert.DoesNotContain("<img", page[..page.IndexOf("plotly.js (basic", StringComparison.Ordinal)], StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void The_same_model_has_the_same_report()
    {
        string first = PageOf(new ExportReport(Options).Run(_sample.Plan()));
        Assert.Equal(first, PageOf(new ExportReport(Options with { Force = true, Svd = new SvdOptions { ThreadCount = 1 } }).Run(_sample.Plan())));
        Assert.DoesNotContain(_sample.Path, first, StringComparison.Ordinal);
    }

    [Fact]
    public void Existing_reports_are_replaced_only_by_force_and_no_two_of_a_run_share_a_file()
    {
        ModelSource model = _sample.Dense();
        ReportOptions options = Options with { SkipSpectrum = true };
        string path = new ExportReport(options).Run(model).Path;
        Assert.Equal(CoreErrors.OutputExists, ErrorOf(() => new ExportReport(options).Run(model)));
        ExportReport forced = new(options with { Force = true });
        forced.Run(model);
        Assert.Equal(CoreErrors.OutputCollision, ErrorOf(() => forced.Run(model)));
        Assert.Equal([path], Directory.EnumerateFiles(_sample["out"]));
    }

    [Fact]
    public void Asking_what_would_be_written_writes_nothing()
    {
        ReportResult result = new ExportReport(Options with { WhatIf = true }).Run(_sample.Dense());
        Assert.False(result.Written);
        Assert.False(Directory.Exists(_sample["out"]));
    }

    [Fact]
    public void A_plan_of_another_model_and_a_place_that_cannot_be_are_refused()
    {
        RankPlan shapes = new MakePlan(new PlanOptions { Rule = new RankRule.TargetReduction(2) }).Run([new MatrixShape(20, 30)]);
        Assert.Equal(CoreErrors.PlanModelMismatch, ErrorOf(() => new ExportReport(Options with { Plan = shapes }).Run(_sample.Dense())));
        Assert.Equal(CoreErrors.OptionInvalid, ErrorOf(() => new ExportReport(ReportSample.Options).Run(shapes)));
        Directory.CreateDirectory(_sample["folder.html"]);
        Assert.Equal(CoreErrors.OutputNotWritable, ErrorOf(() => new ExportReport(Options with { OutputPath = _sample["folder.html"] }).Run(shapes)));
    }

    [Fact]
    public void Reports_lie_beside_their_models_under_a_name_that_a_file_can_have()
    {
        ModelSource model = _sample.Dense();
        Assert.Equal(System.IO.Path.Combine(System.IO.Path.GetDirectoryName(model.Path)!, "m.report.html"), new ExportReport(ReportSample.Options).Location(model));
        string strange = new ExportReport(Options).Location(model with { Name = "../../evil" });
        Assert.Equal(_sample["out"], System.IO.Path.GetDirectoryName(strange));
    }

    [Fact]
    public void A_cancelled_report_leaves_nothing()
    {
        Assert.ThrowsAny<OperationCanceledException>(() => new ExportReport(Options).Run(_sample.Dense(), null, new CancellationToken(canceled: true)));
        Assert.False(Directory.Exists(_sample["out"]));
    }

    [GeneratedRegex("<figure>")]
    private static partial Regex Figure();

    [GeneratedRegex("<script[ >]", RegexOptions.IgnoreCase)]
    private static partial Regex Script();
}
