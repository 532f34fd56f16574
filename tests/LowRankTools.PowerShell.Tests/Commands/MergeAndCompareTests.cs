using System.Text.Json;

namespace LowRankTools.PowerShell.Tests.Commands;

public sealed class MergeAndCompareTests(PwshSession session) : IClassFixture<PwshSession>, IDisposable
{
    private readonly Sandbox _sandbox = new();

    public void Dispose() => _sandbox.Dispose();

    [PwshFact]
    public void A_merged_model_equals_its_factors()
    {
        IReadOnlyList<JsonElement> differences = session.All(_sandbox, """
            $small = Invoke-LowRankFactorization models/mini -Rank 6
            $small | Merge-LowRankFactor | Compare-ModelWeight -ReferencePath $small.Path
            """);
        Assert.Equal(9, differences.Count);
        Assert.All(differences, d => Assert.InRange(d.GetProperty("RelativeError").GetDouble(), 0, 1e-6));
    }

    [PwshFact]
    public void The_error_of_a_comparison_is_the_error_of_the_factorization()
    {
        IReadOnlyList<JsonElement> output = session.All(_sandbox, """
            $small = Invoke-LowRankFactorization models/tiny.safetensors -Rank 6
            $small
            $small | Compare-ModelWeight models/tiny.safetensors
            """);
        Dictionary<string, double> said = output[0].GetProperty("Layers").EnumerateArray().ToDictionary(l => l.GetProperty("Name").GetString()!, l => l.GetProperty("RelativeError").GetDouble());
        Assert.All(output.Skip(1).Where(d => said.ContainsKey(d.GetProperty("Name").GetString()!)),
            d => Assert.Equal(said[d.GetProperty("Name").GetString()!], d.GetProperty("RelativeError").GetDouble(), 5));
    }

    [PwshFact]
    public void A_merged_model_has_the_names_and_shapes_of_the_original()
    {
        IReadOnlyList<JsonElement> lines = session.All(_sandbox, """
            Invoke-LowRankFactorization models/mini -Rank 6 | Merge-LowRankFactor -OutputPath dense | Out-Null
            Compare-Object (Get-LayerShapes models/mini) (Get-LayerShapes dense/mini-lowrank) -Property Name, Parameters, DType, Kind
            """);
        Assert.Empty(lines);
    }

    [PwshFact]
    public void A_dense_model_has_nothing_to_merge()
    {
        Reply reply = session.Run(_sandbox, "Merge-LowRankFactor models/tiny.safetensors");
        Assert.Equal(["NoFactorsFound"], reply.ErrorIds);
    }

    [PwshFact]
    public void WhatIf_merges_nothing()
    {
        session.All(_sandbox, "Invoke-LowRankFactorization models/tiny.safetensors -Rank 4 -OutputPath small.safetensors");
        string before = _sandbox.Fingerprint();
        JsonElement planned = session.One(_sandbox, "Merge-LowRankFactor small.safetensors -WhatIf");
        Assert.False(planned.GetProperty("Written").GetBoolean());
        Assert.Equal(64 * 32 * 2 + 64, planned.GetProperty("Parameters").GetInt64());
        Assert.Equal(before, _sandbox.Fingerprint());
    }

    [PwshFact]
    public void Merged_output_is_kept_without_force()
    {
        Reply reply = session.Run(_sandbox, """
            $small = Invoke-LowRankFactorization models/tiny.safetensors -Rank 4
            $small | Merge-LowRankFactor | Out-Null
            $small | Merge-LowRankFactor
            $small | Merge-LowRankFactor -Force -PassThru | ForEach-Object Name
            """);
        Assert.Equal(["OutputExists"], reply.ErrorIds);
        Assert.Equal("model.safetensors", Assert.Single(reply.Output).GetString());
    }

    [PwshFact]
    public void A_model_is_the_same_as_itself()
    {
        Assert.All(session.All(_sandbox, "Compare-ModelWeight models/tiny.safetensors models/tiny.safetensors"),
            d => Assert.Equal("Same", d.GetProperty("Status").GetString()));
    }

    [PwshFact]
    public void Tensors_of_one_side_only_are_told()
    {
        Assert.Equal(["OnlyInReference", "OnlyInModel"], session.All(_sandbox, "(Compare-ModelWeight models/tiny.safetensors models/mini).Status")
            .Select(s => s.GetString()).Distinct());
    }

    [PwshFact]
    public void A_merged_low_rank_change_is_recognised()
    {
        JsonElement changed = session.One(_sandbox, "Compare-ModelWeight models/tiny.safetensors tuned.safetensors -IncludeRank | Where-Object Status -eq Changed");
        Assert.Equal("fc1.weight", changed.GetProperty("Name").GetString());
        Assert.Equal(Sandbox.TunedRank, changed.GetProperty("DeltaRank").GetInt32());
        Assert.True(changed.GetProperty("IsLowRank").GetBoolean());
    }

    [PwshFact]
    public void Rank_is_null_unless_asked_for()
    {
        JsonElement difference = session.All(_sandbox, "Compare-ModelWeight models/tiny.safetensors models/tiny.safetensors")[0];
        Assert.Equal(JsonValueKind.Null, difference.GetProperty("DeltaRank").ValueKind);
    }

    [PwshFact]
    public void A_reference_is_one_model()
    {
        _sandbox.WriteTiny("models/other.safetensors");
        Assert.StartsWith("ReferenceAmbiguous,", session.Run(_sandbox, "Compare-ModelWeight models models/tiny.safetensors").Thrown?.Id, StringComparison.Ordinal);
        Assert.StartsWith("PathNotFound,", session.Run(_sandbox, "Compare-ModelWeight missing models/tiny.safetensors").Thrown?.Id, StringComparison.Ordinal);
    }

    [PwshFact]
    public void A_comparison_ends_when_enough_was_seen()
    {
        Assert.Single(session.All(_sandbox, "Compare-ModelWeight models/mini models/mini | Select-Object -First 1"));
        Assert.Equal(9, session.All(_sandbox, "Compare-ModelWeight models/mini models/mini").Count);
    }
}
