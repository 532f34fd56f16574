using System.Text.Json;

namespace LowRankTools.PowerShell.Tests.Commands;

public sealed class PivotedTests(PwshSession session) : IClassFixture<PwshSession>, IDisposable
{
    private readonly Sandbox _sandbox = new();

    public void Dispose() => _sandbox.Dispose();

    [PwshFact]
    public void A_plan_of_pivoted_pairs_is_carried_out_compared_and_merged()
    {
        IReadOnlyList<JsonElement> output = session.All(_sandbox, """
            $plan = New-RankPlan models/mini -Method Pivoted -TargetReduction 1.5
            $plan | ConvertTo-Json -Depth 6 | Set-Content fewer.plan.json
            $small = Invoke-LowRankFactorization -Plan fewer.plan.json
            $layer = $small.Layers | Where-Object Rank | Select-Object -First 1
            $layer
            $small | Compare-ModelWeight models/mini | Where-Object Name -eq $layer.Name
            $small | Merge-LowRankFactor
            """);
        Assert.Equal("Pivoted", output[0].GetProperty("Method").GetString());
        Assert.Equal(output[0].GetProperty("RelativeError").GetDouble(), output[1].GetProperty("RelativeError").GetDouble(), 5);
        Assert.True(output[2].GetProperty("MergedLayers").GetInt32() > 0);
    }

    [PwshFact]
    public void A_model_is_compressed_to_pivoted_pairs_by_one_command()
    {
        JsonElement result = session.One(_sandbox, """
            $null = New-TransformerModel gpt2-tiny gpt
            1..40 | ForEach-Object { "1 2 3 4 5 $_" } | Set-Content tokens.txt
            Compress-LowRankModel gpt 0.6 -Method pivoted -TokenPath tokens.txt -Trials 4 | Select-Object @{ n = 'Method'; e = { "$($_.Method)" } }, KeptRatio
            """);
        Assert.Equal("Pivoted", result.GetProperty("Method").GetString());
        Assert.InRange(result.GetProperty("KeptRatio").GetDouble(), 0.5, 0.6);
    }

    [PwshFact]
    public void Layers_are_timed_beside_both_pairs_and_kernels_are_not()
    {
        JsonElement speed = session.One(_sandbox, "Measure-LayerSpeed 96x64 -Method Pivoted -Rank 32 -Runs 2");
        Assert.Equal((32, (32 * (96 + 64 - 32)) + 96), (speed.GetProperty("Rank").GetInt32(), speed.GetProperty("Parameters").GetInt32()));
        Assert.NotEmpty(session.All(_sandbox, "Get-LayerShapes models/mini | Measure-LayerSpeed -Method Pivoted -KeepRatio 0.8 -Runs 1"));
        Reply kernel = session.Run(_sandbox, "Measure-LayerSpeed 4x4x3x3 -Method Pivoted");
        Assert.Equal("OptionInvalid", (kernel.Thrown ?? Assert.Single(kernel.Errors)).Id.Split(',')[0]);
    }

    [PwshFact]
    public void What_has_no_such_layers_is_refused()
    {
        foreach (string vain in new[] { "Invoke-LowRankFactorization models/mini -Method Pivoted -Rank 4 -Quantize Int8", "Invoke-LowRankFactorization models/mini -Method Pivoted -Rank 4 -ShareBasis 2" })
        {
            Reply refused = session.Run(_sandbox, vain);
            Assert.Equal("OptionInvalid", (refused.Thrown ?? Assert.Single(refused.Errors)).Id.Split(',')[0]);
        }
    }
}
