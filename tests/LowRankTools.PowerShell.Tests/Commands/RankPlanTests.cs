using System.Text.Json;

namespace LowRankTools.PowerShell.Tests.Commands;

/// <summary>New-RankPlan, Export-RankPlan, Import-RankPlan, and plans carried out.</summary>
public sealed class RankPlanTests(PwshSession session) : IClassFixture<PwshSession>, IDisposable
{
    private const string Seed = "-Shape 10x30, 10x5, 10x5, 10x20 -TargetReduction 3 -MinRank 2";

    private readonly Sandbox _sandbox = new();

    public void Dispose() => _sandbox.Dispose();

    [PwshTheory]
    [InlineData("", 200)]
    [InlineData("-Adapter", 800)]
    public void The_seeds_layers_fall_three_times_at_ranks_of_two(string form, long model)
    {
        JsonElement plan = session.One(_sandbox, $"$p = New-RankPlan {Seed} {form}; @{{ Ranks = \"$($p.Layers.Rank)\"; Before = $p.ParametersBefore; After = $p.Parameters; Model = $p.ModelParameters; Best = $p.IsOptimal }}");
        Assert.Equal("2 2 2 2", plan.GetProperty("Ranks").GetString());
        Assert.Equal((600, 200, model, true), (plan.GetProperty("Before").GetInt64(), plan.GetProperty("After").GetInt64(), plan.GetProperty("Model").GetInt64(), plan.GetProperty("Best").GetBoolean()));
    }

    [PwshTheory]
    [InlineData("-Rank 4")]
    [InlineData("-KeepRatio 0.5")]
    [InlineData("-Energy 0.8")]
    [InlineData("-TargetReduction 2")]
    [InlineData("-ParameterBudget 9000")]
    [InlineData("-ByteBudget 40KB")]
    [InlineData("-MaxRelativeError 0.2")]
    public void What_is_planned_is_what_is_written(string rule)
    {
        JsonElement both = session.One(_sandbox, $$"""
            $p = New-RankPlan models/mini {{rule}}
            $r = $p | Invoke-LowRankFactorization -OutputPath out
            @{ Planned = "$($p.Layers.Rank)"; Done = "$($r.Layers | ForEach-Object Rank)"; Parameters = $p.ModelParameters - $r.Parameters; Bytes = $p.ModelBytes - $r.Bytes; Pairs = $r.FactorizedLayers }
            """);
        Assert.Equal(both.GetProperty("Planned").GetString(), both.GetProperty("Done").GetString());
        Assert.Equal((0, 0), (both.GetProperty("Parameters").GetInt64(), both.GetProperty("Bytes").GetInt64()));
        Assert.True(both.GetProperty("Pairs").GetInt32() > 0);
    }

    [PwshFact]
    public void A_rank_that_is_changed_in_the_object_is_carried_out()
    {
        JsonElement result = session.One(_sandbox, "$p = New-RankPlan models/mini -TargetReduction 2; $p.Layers[1].Rank = 3; $p.Layers[2].Rank = $null; $p | Invoke-LowRankFactorization -OutputPath out");
        Assert.Equal(3, result.GetProperty("Layers")[1].GetProperty("Rank").GetInt32());
        Assert.Equal(JsonValueKind.Null, result.GetProperty("Layers")[2].GetProperty("Rank").ValueKind);
        Assert.Equal("TargetReduction 2, edited", result.GetProperty("Rule").GetString());
    }

    [PwshTheory]
    [InlineData("-Plan p.json")]
    [InlineData("-Plan (Get-Item p.json)")]
    [InlineData("-Plan (Import-RankPlan p.json)")]
    [InlineData("-Plan p.json -Path models/tiny.safetensors")]
    [InlineData("-Plan p.json -LiteralPath models/tiny.safetensors")]
    public void A_plan_may_be_an_object_or_a_file(string plan)
    {
        JsonElement result = session.One(_sandbox, $"New-RankPlan models/tiny.safetensors -Rank 5 | Export-RankPlan p.json | Out-Null; Invoke-LowRankFactorization {plan} -OutputPath out");
        Assert.All(result.GetProperty("Layers").EnumerateArray(), l => Assert.Equal(5, l.GetProperty("Rank").GetInt32()));
    }

    [PwshFact]
    public void Files_bind_down_the_pipeline()
    {
        Reply reply = session.Run(_sandbox, "Get-ChildItem models | New-RankPlan -TargetReduction 2 | Export-RankPlan plans | Import-RankPlan | Invoke-LowRankFactorization -OutputPath out");
        Assert.Empty(reply.Errors);
        Assert.Equal(["mini", "tiny"], reply.Output.Select(r => r.GetProperty("Name").GetString()).Order());
    }

    [PwshFact]
    public void A_plan_carries_its_element_type_unless_another_is_given()
    {
        JsonElement types = session.One(_sandbox, """
            $p = New-RankPlan models/tiny.safetensors -Rank 4 -DType F16
            "$(($p | Invoke-LowRankFactorization -WhatIf).Layers[0].DType) $(($p | Invoke-LowRankFactorization -DType BF16 -WhatIf).Layers[0].DType)"
            """);
        Assert.Equal("F16 BF16", types.GetString());
    }

    [PwshFact]
    public void Another_model_is_refused_unless_it_is_told()
    {
        _sandbox.WriteModel("models/other.safetensors", ("x.weight", [8, 8]), ("fc1.weight", [64, 32]), ("fc2.weight", [32, 64]));
        Reply refused = session.Run(_sandbox, "New-RankPlan models/tiny.safetensors -Rank 4 | Export-RankPlan p.json | Out-Null; Invoke-LowRankFactorization models/other.safetensors -Plan p.json -OutputPath out");
        Assert.Equal(["PlanModelMismatch"], refused.ErrorIds);
        Assert.False(_sandbox.Exists("out"));
        JsonElement taken = session.One(_sandbox, "Invoke-LowRankFactorization models/other.safetensors -Plan p.json -AnyModel -OutputPath out");
        Assert.Equal(2, taken.GetProperty("FactorizedLayers").GetInt32());
        Assert.Equal(["PlanModelMismatch"], session.Run(_sandbox, $"New-RankPlan {Seed} | Invoke-LowRankFactorization").ErrorIds);
    }

    [PwshTheory]
    [InlineData("New-RankPlan models/mini", "OptionInvalid")]
    [InlineData("New-RankPlan models/mini -Rank 4 -Energy 0.5", "OptionInvalid")]
    [InlineData("New-RankPlan models/mini -TargetReduction 1", "OptionInvalid")]
    [InlineData("New-RankPlan models/mini -Rank 4 -Multiple 8", "OptionInvalid")]
    [InlineData("New-RankPlan models/mini -Rank 4 -LayerRank @{ 'layer*' = 'Thick' }", "OptionInvalid")]
    [InlineData("New-RankPlan -Shape 10by30 -Rank 4", "OptionInvalid")]
    [InlineData("New-RankPlan -Shape 10x30 -Rank 4 -MinRank 0", "ParameterArgumentValidationError")]
    [InlineData("New-RankPlan models/mini -Rank 4 -Weighting Light", "ParameterArgumentValidationError")]
    [InlineData("Invoke-LowRankFactorization -Plan missing.json", "ParameterArgumentTransformationError")]
    [InlineData("Invoke-LowRankFactorization -Plan damaged.json", "ParameterArgumentTransformationError")]
    [InlineData("Invoke-LowRankFactorization models/mini -Plan half.json -Include *mlp*", "OptionInvalid")]
    [InlineData("Invoke-LowRankFactorization models/mini -Plan half.json -Rank 4", "OptionInvalid")]
    public void What_makes_no_sense_stops_the_command(string command, string id)
    {
        _sandbox.WriteText("damaged.json", "{}");
        session.All(_sandbox, "New-RankPlan models/mini -TargetReduction 2 | Export-RankPlan half.json | Out-Null");
        string before = _sandbox.Fingerprint();
        Assert.StartsWith(id + ",", session.Run(_sandbox, command).Thrown?.Id, StringComparison.Ordinal);
        Assert.Equal(before, _sandbox.Fingerprint());
    }

    [PwshTheory]
    [InlineData("'missing.safetensors', 'models/tiny.safetensors' | New-RankPlan -Rank 4", "PathNotFound", 1)]
    [InlineData("Get-ChildItem models | New-RankPlan -ParameterBudget 3700", "BudgetTooSmall", 1)]
    [InlineData("New-RankPlan models/tiny.safetensors -Rank 4 -LayerRank @{ 'none*' = 4 }", "LayerNotFound", 0)]
    [InlineData("New-RankPlan models/tiny.safetensors -Rank 4 -LayerRank @{ fc1 = 33 }", "RankExceedsLayer", 0)]
    [InlineData("New-RankPlan -Shape 10x30 -TargetReduction 9", "BudgetTooSmall", 0)]
    [InlineData("'damaged.json', 'good.json' | Import-RankPlan", "PlanInvalid", 1)]
    [InlineData("Import-RankPlan missing.json, good.json", "PathNotFound", 1)]
    [InlineData("New-RankPlan models/tiny.safetensors -Rank 4 | Export-RankPlan good.json", "OutputExists", 0)]
    [InlineData("1..2 | ForEach-Object { New-RankPlan models/tiny.safetensors -Rank 4 } | Export-RankPlan good.json -Force", "OutputCollision", 1)]
    public void One_bad_thing_is_one_error_and_the_next_has_its_turn(string command, string id, int results)
    {
        _sandbox.WriteText("damaged.json", "{}");
        session.All(_sandbox, "New-RankPlan models/tiny.safetensors -Rank 3 | Export-RankPlan good.json | Out-Null");
        Reply reply = session.Run(_sandbox, command);
        Assert.Null(reply.Thrown);
        Assert.Equal([id], reply.ErrorIds);
        Assert.Equal(results, reply.Output.Count);
    }

    [PwshFact]
    public void A_budget_that_is_too_small_names_the_constraint_and_the_nearest_that_is_not()
    {
        Fault fault = Assert.Single(session.Run(_sandbox, "New-RankPlan -Shape 10x30, 10x5, 10x5, 10x20 -TargetReduction 4 -MinRank 2").Errors);
        Assert.Contains("-MinRank 2", fault.Message, StringComparison.Ordinal);
        Assert.Equal("The most that they allow is -TargetReduction 3.", fault.Remedy);
    }

    [PwshFact]
    public void Ranks_by_hand_choose_and_hold()
    {
        JsonElement ranks = session.One(_sandbox, "\"$((New-RankPlan models/mini -Rank 8 -LayerRank @{ 'layer.attention.[qk]' = 2; 'layer.mlp.up' = 'dense'; embed_tokens = 5 }).Layers.ForEach{ \"$($_.Rank)$($_.Reason)\" })\"");
        Assert.Equal("5None 2None 2None 8None ByHand 8None", ranks.GetString());
    }

    [PwshFact]
    public void WhatIf_writes_no_plan()
    {
        string before = _sandbox.Fingerprint();
        Assert.Empty(session.All(_sandbox, "New-RankPlan models/mini -Rank 4 | Export-RankPlan p.json -WhatIf"));
        Assert.Equal(before, _sandbox.Fingerprint());
    }

    [PwshFact]
    public void Brackets_in_names_are_taken_as_they_are()
    {
        Assert.Single(session.All(_sandbox, "New-RankPlan models/tiny.safetensors -Rank 4 | Export-RankPlan 'a[1].json' | Import-RankPlan"));
        Assert.Single(session.All(_sandbox, "Import-RankPlan -LiteralPath 'a[1].json'"));
        Assert.Empty(session.All(_sandbox, "Import-RankPlan 'a[1].jso?'"));
    }
}
