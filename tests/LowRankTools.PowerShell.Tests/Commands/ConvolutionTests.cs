using System.Text.Json;

namespace LowRankTools.PowerShell.Tests.Commands;

public sealed class ConvolutionTests(PwshSession session) : IClassFixture<PwshSession>, IDisposable
{
    private readonly Sandbox _sandbox = new();

    public void Dispose() => _sandbox.Dispose();

    [PwshTheory]
    [InlineData("Svd")]
    [InlineData("Tucker")]
    [InlineData("Cp")]
    [InlineData("SpatialSvd")]
    [InlineData("Auto")]
    public void The_error_of_a_comparison_is_the_error_of_the_factorization(string method)
    {
        IReadOnlyList<JsonElement> output = session.All(_sandbox, $$"""
            $small = Invoke-LowRankFactorization vision -Method {{method}} -KeepRatio 0.4
            $small.Layers | Where-Object Kind -eq Conv2d
            $small | Compare-ModelWeight vision | Where-Object Name -like conv?.weight
            """);
        Assert.Equal(4, output.Count);
        for (int i = 0; i < 2; i++)
        {
            Assert.Equal("None", output[i].GetProperty("Reason").GetString());
            Assert.Equal(output[i].GetProperty("RelativeError").GetDouble(), output[i + 2].GetProperty("RelativeError").GetDouble(), 5);
        }
    }

    [PwshFact]
    public void A_plan_that_was_turned_into_JSON_by_the_shell_is_carried_out()
    {
        JsonElement result = session.One(_sandbox, """
            $plan = New-RankPlan vision -Method Tucker -TargetReduction 2
            $plan | ConvertTo-Json -Depth 6 | Set-Content half.plan.json
            Invoke-LowRankFactorization -Plan half.plan.json
            """);
        Assert.Contains(result.GetProperty("Layers").EnumerateArray(), l => l.GetProperty("Method").GetString() == "Tucker");
        Assert.InRange(result.GetProperty("KeptRatio").GetDouble(), 0.1, 0.51);
    }

    [PwshFact]
    public void A_kernel_that_is_named_becomes_a_chain_of_transposed_ones_by_a_rule_and_by_a_plan()
    {
        IReadOnlyList<JsonElement> output = session.All(_sandbox, """
            $small = Invoke-LowRankFactorization vision -Method Tucker -KeepRatio 0.4 -TransposedConvolution conv2
            $small.Layers | Where-Object Kind -eq Conv2d | ForEach-Object Method
            $small | Compare-ModelWeight vision | Where-Object Name -eq conv2.weight | ForEach-Object Status
            (New-RankPlan vision -Method Tucker -KeepRatio 0.4 -TransposedConvolution conv2).Layers | Where-Object Kind -eq Conv2d | ForEach-Object Method
            """);
        Assert.Equal(["Tucker", "Tucker(transposed)", "Changed", "Tucker", "Tucker(transposed)"], output.Select(o => o.GetString()));
        Assert.Equal("LayerNotFound", Id(session.Run(_sandbox, "New-RankPlan vision -Method Tucker -KeepRatio 0.4 -TransposedConvolution head")));
    }

    [PwshFact]
    public void Piped_convolutions_are_timed_where_a_method_is_named()
    {
        IReadOnlyList<JsonElement> speeds = session.All(_sandbox, "Get-LayerShapes vision | Measure-LayerSpeed -Method SpatialSvd -ImageSize 6x5 -Runs 2");
        Assert.Equal(2, speeds.Count);
        Assert.All(speeds, s => Assert.Equal("SpatialSvd", s.GetProperty("Method").GetString()));
    }

    [PwshFact]
    public void What_contradicts_itself_is_refused()
    {
        Assert.Equal("OptionInvalid", Id(session.Run(_sandbox, "New-RankPlan vision -Method Tucker -TargetSpeedup 2")));
        Assert.Equal("OptionInvalid", Id(session.Run(_sandbox, "Measure-LayerSpeed 4x4x3x3 -ImageSize 3")));
        Assert.Equal("OptionInvalid", Id(session.Run(_sandbox, "Measure-LayerSpeed 4x4x3x3 -Rank 2")));
    }

    private static string Id(Reply reply) => (reply.Thrown ?? Assert.Single(reply.Errors)).Id.Split(',')[0];
}
