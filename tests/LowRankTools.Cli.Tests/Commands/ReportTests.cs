using System.Text.Json;
using LowRankTools.Core;
using LowRankTools.Core.Reports;

namespace LowRankTools.Cli.Tests.Commands;

public sealed class ReportTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Every_model_gets_a_page_in_the_folder()
    {
        _folder.Model("models/a.safetensors");
        _folder.Model("models/b.safetensors", seed: 2);
        CliRun run = await CliRun.Of("report", _folder["models"], "--output-path", _folder["pages"], "--no-cache");
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Equal(["a.report.html", "b.report.html"], Directory.EnumerateFiles(_folder["pages"]).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Contains(_folder["pages"], run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plan_is_reported_with_its_model_and_a_factorized_model_with_its_reference()
    {
        string model = _folder.Model();
        await CliRun.Of("plan", model, "--target-reduction", "2", "--output", _folder["plan.json"], "--no-cache");
        CliRun plan = await CliRun.Of("report", "--plan", _folder["plan.json"], "--output-path", _folder["plan.html"], "--no-cache", "--json");
        Assert.Equal(_folder["plan.html"], Assert.Single(plan.Json).GetProperty("Path").GetString());
        await CliRun.Of("factorize", model, "--rank", "4", "--output-path", _folder["small.safetensors"]);
        CliRun compared = await CliRun.Of("report", _folder["small.safetensors"], "--reference-path", model, "--output-path", _folder["small.html"], "--no-cache", "--json");
        JsonElement result = Assert.Single(compared.Json);
        Assert.Equal(typeof(ReportResult).GetProperties().Select(p => p.Name).Order(StringComparer.Ordinal), result.EnumerateObject().Select(p => p.Name).Order(StringComparer.Ordinal));
        Assert.True(result.GetProperty("Figures").GetInt32() > 4);
    }

    [Fact]
    public async Task What_if_writes_nothing_and_force_is_needed_to_replace()
    {
        string model = _folder.Model();
        string before = _folder.Snapshot();
        CliRun run = await CliRun.Of("report", model, "--what-if");
        Assert.Equal((0, before), (run.Code, _folder.Snapshot()));
        string[] command = ["report", model, "--skip-spectrum", "--json"];
        Assert.Equal(0, (await CliRun.Of(command)).Code);
        run = await CliRun.Of(command);
        Assert.Equal(1, run.Code);
        Assert.Contains(CoreErrors.OutputExists, run.Error, StringComparison.Ordinal);
        Assert.Equal(0, (await CliRun.Of([.. command, "--force"])).Code);
    }

    [Fact]
    public async Task Neither_model_nor_plan_is_wrong_usage() => Assert.Equal(2, (await CliRun.Of("report")).Code);
}
