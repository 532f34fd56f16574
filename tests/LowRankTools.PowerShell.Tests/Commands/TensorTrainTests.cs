using System.Text.Json;

namespace LowRankTools.PowerShell.Tests.Commands;

public sealed class TensorTrainTests(PwshSession session) : IClassFixture<PwshSession>, IDisposable
{
    private readonly Sandbox _sandbox = new();

    public void Dispose() => _sandbox.Dispose();

    [PwshFact]
    public void The_error_of_a_comparison_is_the_error_of_the_factorization()
    {
        IReadOnlyList<JsonElement> output = session.All(_sandbox, """
            $small = Invoke-LowRankFactorization models/mini -Method TensorTrain -KeepRatio 0.5
            $layer = $small.Layers | Where-Object Rank | Select-Object -First 1
            $layer
            $small | Compare-ModelWeight models/mini | Where-Object Name -eq $layer.Name
            $small | Merge-LowRankFactor
            """);
        Assert.Equal("TensorTrain", output[0].GetProperty("Method").GetString());
        Assert.Equal(output[0].GetProperty("RelativeError").GetDouble(), output[1].GetProperty("RelativeError").GetDouble(), 5);
        Assert.True(output[2].GetProperty("MergedLayers").GetInt32() > 0);
    }

    [PwshFact]
    public void A_plan_of_cores_is_carried_out()
    {
        JsonElement result = session.One(_sandbox, """
            $plan = New-RankPlan models/mini -Method TensorTrain -TargetReduction 2
            $plan | ConvertTo-Json -Depth 6 | Set-Content half.plan.json
            Invoke-LowRankFactorization -Plan half.plan.json
            """);
        Assert.Contains(result.GetProperty("Layers").EnumerateArray(), l => l.GetProperty("Method").GetString() == "TensorTrain");
    }

    [PwshFact]
    public void Layers_are_timed_against_cores_and_kernels_are_not()
    {
        JsonElement speed = session.One(_sandbox, "Measure-LayerSpeed 96x64 -Method TensorTrain -Rank 3 -Runs 2");
        Assert.Equal([3, 3], speed.GetProperty("Ranks").GetProperty("Sizes").EnumerateArray().Select(r => r.GetInt32()));
        speed = session.One(_sandbox, "Measure-LayerSpeed 96x64 -Method TensorTrain -Rank 3 -Runs 2 -ModeSplit 2x4x8");
        Assert.Equal("TensorTrain(4x6x4, 2x4x8)", speed.GetProperty("Method").GetString());
        foreach (string vain in new[] { "Measure-LayerSpeed 96x64 -ModeSplit 2x4x8", "Measure-LayerSpeed 96x64 -Method TensorTrain -ModeSplit 2x4x4" })
        {
            Reply refused = session.Run(_sandbox, vain);
            Assert.Equal("OptionInvalid", (refused.Thrown ?? Assert.Single(refused.Errors)).Id.Split(',')[0]);
        }
        Reply reply = session.Run(_sandbox, "Measure-LayerSpeed 4x4x3x3 -Method TensorTrain");
        Assert.Equal("OptionInvalid", (reply.Thrown ?? Assert.Single(reply.Errors)).Id.Split(',')[0]);
        JsonElement plan = session.One(_sandbox, "New-RankPlan models/mini -Method TensorTrain -KeepRatio 0.5 -LayerRank @{ '*' = 2 }");
        Assert.All(plan.GetProperty("Layers").EnumerateArray().Where(l => l.GetProperty("Method").GetString() == "TensorTrain"), l => Assert.Equal(2, l.GetProperty("Rank").GetInt32()));
        reply = session.Run(_sandbox, "Invoke-LowRankFactorization models/mini -Method TensorTrain -Rank 2 -ModeSplit 64");
        Assert.Equal("OptionInvalid", (reply.Thrown ?? Assert.Single(reply.Errors)).Id.Split(',')[0]);
    }
}
