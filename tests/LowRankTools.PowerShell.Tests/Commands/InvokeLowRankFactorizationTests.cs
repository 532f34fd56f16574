using System.Text.Json;

namespace LowRankTools.PowerShell.Tests.Commands;

public sealed class InvokeLowRankFactorizationTests(PwshSession session) : IClassFixture<PwshSession>, IDisposable
{
    private readonly Sandbox _sandbox = new();

    public void Dispose() => _sandbox.Dispose();

    [PwshFact]
    public void A_pair_stands_for_every_linear_weight()
    {
        session.All(_sandbox, "Invoke-LowRankFactorization models/tiny.safetensors -Rank 4");
        Assert.Equal(["fc1.0.weight", "fc1.1.weight", "fc1.1.bias", "fc2.0.weight", "fc2.1.weight"],
            session.All(_sandbox, "(Get-LayerShapes models/tiny-lowrank).Name").Select(n => n.GetString()));
    }

    [PwshTheory]
    [InlineData("-Rank 4", 4)]
    [InlineData("-KeepRatio 0.5", 10)] // 0.5 * 64 * 32 / (64 + 32) = 10.67
    public void The_rule_sets_the_rank(string rule, int rank)
    {
        JsonElement result = session.One(_sandbox, $"Invoke-LowRankFactorization models/tiny.safetensors {rule} -OutputPath out");
        Assert.All(result.GetProperty("Layers").EnumerateArray(), l => Assert.Equal(rank, l.GetProperty("Rank").GetInt32()));
        Assert.Equal(64 + 2 * rank * (64 + 32), result.GetProperty("Parameters").GetInt64());
    }

    [PwshFact]
    public void Energy_that_is_kept_bounds_the_error()
    {
        JsonElement result = session.One(_sandbox, "Invoke-LowRankFactorization models/tiny.safetensors -Energy 0.8 -OutputPath out");
        foreach (JsonElement layer in result.GetProperty("Layers").EnumerateArray().Where(l => l.GetProperty("Rank").ValueKind == JsonValueKind.Number))
            Assert.InRange(layer.GetProperty("RelativeError").GetDouble(), 0, Math.Sqrt(1 - 0.8) * 1.001);
        Assert.True(result.GetProperty("FactorizedLayers").GetInt32() > 0);
    }

    [PwshFact]
    public void WhatIf_tells_exactly_what_would_be_and_touches_nothing()
    {
        string before = _sandbox.Fingerprint();
        JsonElement planned = session.One(_sandbox, "Invoke-LowRankFactorization models/mini -Rank 6 -IncludeEmbedding -DType F16 -FirstBias -WhatIf");
        Assert.Equal(before, _sandbox.Fingerprint());
        JsonElement done = session.One(_sandbox, "Invoke-LowRankFactorization models/mini -Rank 6 -IncludeEmbedding -DType F16 -FirstBias");
        Assert.False(planned.GetProperty("Written").GetBoolean());
        Assert.True(done.GetProperty("Written").GetBoolean());
        foreach (string figure in (string[])["Path", "Parameters", "Bytes", "FactorizedLayers", "KeptLayers"])
            Assert.Equal(planned.GetProperty(figure).ToString(), done.GetProperty(figure).ToString());
        Assert.Equal(Costs(planned), Costs(done));
    }

    [PwshFact]
    public void The_preference_for_WhatIf_is_heeded()
    {
        string before = _sandbox.Fingerprint();
        JsonElement planned = session.One(_sandbox, "$WhatIfPreference = $true; Invoke-LowRankFactorization models/mini -Rank 6");
        Assert.False(planned.GetProperty("Written").GetBoolean());
        Assert.Equal(before, _sandbox.Fingerprint());
    }

    [PwshFact]
    public void Where_nobody_can_be_asked_nothing_is_written()
    {
        string before = _sandbox.Fingerprint();
        Reply reply = session.Run(_sandbox, "Invoke-LowRankFactorization models/mini -Rank 6 -Confirm");
        Assert.Empty(reply.Output);
        Assert.NotNull(reply.Thrown);
        Assert.Equal(before, _sandbox.Fingerprint());
        session.One(_sandbox, "$ConfirmPreference = 'Low'; Invoke-LowRankFactorization models/mini -Rank 6 -Confirm:$false");
    }

    [PwshFact]
    public void Layers_that_have_gone_since_they_were_listed_are_an_error()
    {
        Reply reply = session.Run(_sandbox, """
            $layers = Get-LayerShapes models/tiny.safetensors
            Copy-Item models/mini/model.safetensors models/tiny.safetensors
            $layers | Invoke-LowRankFactorization -Rank 4
            Remove-Item models/tiny.safetensors
            $layers | Invoke-LowRankFactorization -Rank 4
            """);
        Assert.Equal(["LayerNotFound", "PathNotFound"], reply.ErrorIds);
    }

    [PwshFact]
    public void Existing_output_is_kept_without_force_and_replaced_with_it()
    {
        session.All(_sandbox, "Invoke-LowRankFactorization models/tiny.safetensors -Rank 4");
        string first = _sandbox.Fingerprint();
        Reply refused = session.Run(_sandbox, "Invoke-LowRankFactorization models/tiny.safetensors -Rank 6");
        Assert.Equal(["OutputExists"], refused.ErrorIds);
        Assert.Equal("ResourceExists", refused.Errors[0].Category);
        Assert.Equal(first, _sandbox.Fingerprint());
        session.All(_sandbox, "Invoke-LowRankFactorization models/tiny.safetensors -Rank 6 -Force");
        Assert.NotEqual(first, _sandbox.Fingerprint());
    }

    [PwshFact]
    public void The_source_is_never_replaced()
    {
        string before = _sandbox.Fingerprint();
        Reply reply = session.Run(_sandbox, "Invoke-LowRankFactorization models/tiny.safetensors -Rank 4 -OutputPath models/tiny.safetensors -Force");
        Assert.Equal(["OutputIsSource"], reply.ErrorIds);
        Assert.Equal(before, _sandbox.Fingerprint());
    }

    [PwshFact]
    public void Two_models_do_not_share_one_output()
    {
        Reply reply = session.Run(_sandbox, "Invoke-LowRankFactorization models -Recurse -Rank 4 -OutputPath out.safetensors -Force");
        Assert.Equal(["OutputCollision"], reply.ErrorIds);
        Assert.Single(reply.Output);
    }

    [PwshFact]
    public void The_same_input_gives_the_same_bytes_for_any_number_of_threads()
    {
        session.All(_sandbox, """
            Invoke-LowRankFactorization models/mini -Rank 6 -Seed 7 -ThreadCount 1 -OutputPath one
            Invoke-LowRankFactorization models/mini -Rank 6 -Seed 7 -ThreadCount 2 -OutputPath two
            """);
        Assert.Equal(_sandbox.Fingerprint("one").Replace("one", "two", StringComparison.Ordinal), _sandbox.Fingerprint("two"));
    }

    [PwshFact]
    public void PassThru_gives_the_file_and_under_WhatIf_the_plan()
    {
        JsonElement file = session.One(_sandbox, "Invoke-LowRankFactorization models/tiny.safetensors -Rank 4 -PassThru | ForEach-Object { $_.GetType().Name; $_.FullName } | Join-String -Separator ' '");
        Assert.Equal($"FileInfo {_sandbox["models/tiny-lowrank/model.safetensors"]}", file.GetString());
        Assert.Equal("FactorizationResult", session.One(_sandbox, "(Invoke-LowRankFactorization models/mini -Rank 4 -PassThru -WhatIf).GetType().Name").GetString());
    }

    [PwshTheory]
    [InlineData("-Include layer.mlp.*", 2)]
    [InlineData("-Include LAYER.*.[qk]", 2)]
    [InlineData("-Exclude *.weight", 0)]
    [InlineData("-Exclude layer.attention.*", 2)]
    [InlineData("-IncludeEmbedding", 6)]
    [InlineData("-Include *.mlp.*, *.v -Exclude *.down", 2)]
    public void Patterns_choose_layers(string choice, int factorized)
    {
        Assert.Equal(factorized, session.One(_sandbox, $"Invoke-LowRankFactorization models/mini -Rank 4 {choice} -WhatIf 3>$null").GetProperty("FactorizedLayers").GetInt32());
    }

    [PwshFact]
    public void Piped_layers_are_all_that_is_factorized()
    {
        JsonElement result = session.One(_sandbox, "Get-LayerShapes models/mini | Where-Object Name -match 'embed|\\.q\\.' | Invoke-LowRankFactorization -Rank 4 -OutputPath out");
        Assert.Equal(["embed_tokens.weight", "layer.attention.q.weight"], result.GetProperty("Layers").EnumerateArray()
            .Where(l => l.GetProperty("Rank").ValueKind == JsonValueKind.Number).Select(l => l.GetProperty("Name").GetString()));
    }

    [PwshTheory]
    [InlineData("-Rank 4")]
    [InlineData("-KeepRatio 0.4")]
    [InlineData("-Energy 0.7")]
    public void Layers_of_several_models_are_gathered_by_model(string rule)
    {
        IReadOnlyList<JsonElement> results = session.All(_sandbox, $"Get-LayerShapes models -Recurse -Kind Linear | Sort-Object Name | Invoke-LowRankFactorization {rule} -OutputPath out");
        Assert.Equal(["mini", "tiny"], results.Select(r => r.GetProperty("Name").GetString()).Order());
    }

    [PwshFact]
    public void Files_and_folders_of_a_listing_are_models()
    {
        Assert.Equal(["mini", "tiny"], session.All(_sandbox, "Get-ChildItem models | Invoke-LowRankFactorization -Rank 4 -OutputPath out").Select(r => r.GetProperty("Name").GetString()).Order());
    }

    [PwshFact]
    public void Counted_models_are_factorized()
    {
        Assert.Equal(["tiny"], session.All(_sandbox, "Measure-ParameterCount models | Invoke-LowRankFactorization -KeepRatio 0.5 -OutputPath out").Select(r => r.GetProperty("Name").GetString()));
    }

    [PwshFact]
    public void Half_width_factors_need_half_the_bytes()
    {
        JsonElement full = session.One(_sandbox, "Invoke-LowRankFactorization models/tiny.safetensors -Rank 4 -WhatIf");
        JsonElement half = session.One(_sandbox, "Invoke-LowRankFactorization models/tiny.safetensors -Rank 4 -DType BF16 -WhatIf");
        long factors = 2 * 4 * (64 + 32);
        Assert.Equal(factors * 2, full.GetProperty("Bytes").GetInt64() - half.GetProperty("Bytes").GetInt64());
    }

    [PwshFact]
    public void A_model_that_nothing_pays_for_is_not_copied_and_looking_tells_why()
    {
        Reply refused = session.Run(_sandbox, "Invoke-LowRankFactorization models/tiny.safetensors, models/mini -Rank 22 -OutputPath out -WarningAction SilentlyContinue");
        Assert.Equal("NothingToFactorize", refused.ErrorIds.First());
        Assert.False(Directory.Exists(_sandbox["out/tiny"]));
        Reply reply = session.Run(_sandbox, "Invoke-LowRankFactorization models/tiny.safetensors -Rank 22 -OutputPath out -WhatIf");
        Assert.Single(reply.Warnings);
        Assert.All(Assert.Single(reply.Output).GetProperty("Layers").EnumerateArray(), l => Assert.Equal("BreakEven", l.GetProperty("Reason").GetString()));
    }

    [PwshFact]
    public void Verbose_names_the_model_and_the_target()
    {
        Reply reply = session.Run(_sandbox, "Invoke-LowRankFactorization models/tiny.safetensors -Rank 4 -OutputPath out -Verbose");
        Assert.Contains(reply.Verbose, v => v.Contains(_sandbox["models/tiny.safetensors"], StringComparison.Ordinal) && v.Contains(_sandbox["out/tiny/model.safetensors"], StringComparison.Ordinal));
    }

    private static IEnumerable<string> Costs(JsonElement result) => result.GetProperty("Layers").EnumerateArray()
        .Select(l => $"{l.GetProperty("Name")} {l.GetProperty("Rank")} {l.GetProperty("Parameters")} {l.GetProperty("Bytes")} {l.GetProperty("Reason")}");
}
