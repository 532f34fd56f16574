namespace LowRankTools.PowerShell.Tests.Commands;

public sealed class ExportLowRankReportTests(PwshSession session) : IClassFixture<PwshSession>, IDisposable
{
    private readonly Sandbox _sandbox = new();

    public void Dispose() => _sandbox.Dispose();

    [PwshTheory]
    [InlineData("Get-Item models/* | Export-LowRankReport -OutputPath reports", "mini.report.html tiny.report.html")]
    [InlineData("Export-LowRankReport models/* -OutputPath reports", "mini.report.html tiny.report.html")]
    [InlineData("'models/mini' | Export-LowRankReport -OutputPath one.html", "one.html")]
    [InlineData("New-RankPlan models/mini -Rank 4 | Export-LowRankReport", "mini.report.html")]
    [InlineData("Export-LowRankReport models/mini -Plan (New-RankPlan models/mini -Rank 4)", "mini.report.html")]
    [InlineData("New-RankPlan models/mini -Rank 4 | Export-RankPlan p.json | Out-Null; Export-LowRankReport models/mini -Plan p.json", "mini.report.html")]
    [InlineData("Invoke-LowRankFactorization models/mini -Rank 4 -OutputPath out | Export-LowRankReport", "mini.report.html")]
    [InlineData("Export-LowRankReport tuned.safetensors -ReferencePath models/tiny.safetensors", "tuned.report.html")]
    [InlineData("Get-LayerShapes models/mini | Select-Object -First 1 | Export-LowRankReport -SkipSpectrum", "mini.report.html")]
    public void Models_plans_and_results_become_pages(string command, string names) =>
        Assert.Equal(names, session.One(_sandbox, $"$files = @(& {{ {command} }}); \"$($files.Name)\"").GetString());

    [PwshFact]
    public void What_if_writes_nothing_and_force_is_needed_to_replace()
    {
        string before = _sandbox.Fingerprint();
        Assert.Empty(session.Run(_sandbox, "Export-LowRankReport models/* -WhatIf").Output);
        Assert.Equal(before, _sandbox.Fingerprint());
        Assert.Equal(["OutputExists"], session.Run(_sandbox, "1..2 | ForEach-Object { Export-LowRankReport models/mini -SkipSpectrum }").ErrorIds);
        Assert.Empty(session.Run(_sandbox, "Export-LowRankReport models/mini -SkipSpectrum -Force").ErrorIds);
    }

    [PwshFact]
    public void Two_models_never_share_a_page()
    {
        Assert.Equal(["OutputCollision"], session.Run(_sandbox, "Get-Item models/* | Export-LowRankReport -OutputPath one.html -SkipSpectrum -Force").ErrorIds);
    }

    [PwshFact]
    public void A_plan_of_another_model_is_refused()
    {
        Assert.Equal(["PlanModelMismatch"], session.Run(_sandbox, "$plan = New-RankPlan models/mini -Rank 4; Export-LowRankReport models/tiny.safetensors -Plan $plan").ErrorIds);
    }
}
