using System.Text.Json;

namespace LowRankTools.PowerShell.Tests.Commands;

public sealed class GetLayerSpectrumTests(PwshSession session) : IClassFixture<PwshSession>, IDisposable
{
    private readonly Sandbox _sandbox = new();

    public void Dispose() => _sandbox.Dispose();

    [PwshFact]
    public void Energy_and_values_agree_with_what_factorization_then_measures()
    {
        JsonElement both = session.One(_sandbox, """
            $s = Get-LayerSpectrum models/tiny.safetensors -Include fc2
            $r = Invoke-LowRankFactorization models/tiny.safetensors -Rank 6 -Include fc2 -OutputPath out
            @{ Predicted = [math]::Sqrt(1 - $s.Energy[5]); Measured = $r.Layers[1].RelativeError; Count = $s.SingularValues.Count; Norm = $s.FrobeniusNorm }
            """);
        Assert.Equal(32, both.GetProperty("Count").GetInt32());
        Assert.InRange(both.GetProperty("Measured").GetDouble() / both.GetProperty("Predicted").GetDouble(), 0.999, 1.003);
    }

    [PwshTheory]
    [InlineData("Get-LayerSpectrum models/mini", "layer.attention.q.weight layer.attention.k.weight layer.attention.v.weight layer.mlp.up.weight layer.mlp.down.weight")]
    [InlineData("Get-LayerSpectrum models/mini -IncludeEmbedding -Exclude *.attention.*", "embed_tokens.weight layer.mlp.up.weight layer.mlp.down.weight")]
    [InlineData("Get-LayerShapes models -Recurse -Name embed_tokens, fc1 | Get-LayerSpectrum -NoCache", "fc1.weight embed_tokens.weight")]
    public void Layers_are_chosen_by_patterns_or_piped(string command, string names) =>
        Assert.Equal(names, session.One(_sandbox, $"\"$(({command}).Name)\"").GetString());

    [PwshFact]
    public void A_bad_model_is_one_error_and_the_next_has_its_turn()
    {
        byte[] bytes = File.ReadAllBytes(_sandbox["models/tiny.safetensors"]);
        BitConverter.TryWriteBytes(bytes.AsSpan(bytes.Length - 4), float.NaN);
        File.WriteAllBytes(_sandbox["models/tiny.safetensors"], bytes);
        Reply reply = session.Run(_sandbox, "'models/tiny.safetensors', 'models/mini' | Get-LayerSpectrum");
        Assert.Equal(["NonFiniteValues"], reply.ErrorIds);
        Assert.Equal(6, reply.Output.Count); // fc1 of the first, five of the second
    }

    [PwshFact]
    public void Top_shortens_the_lists_and_leaves_the_measures()
    {
        JsonElement text = session.One(_sandbox, "$a = Get-LayerSpectrum models/tiny.safetensors -Include fc1; $b = Get-LayerSpectrum models/tiny.safetensors -Include fc1 -Top 2; \"$($b.SingularValues.Count) $($b.Energy.Count) $($a.EffectiveRank -eq $b.EffectiveRank)\"");
        Assert.Equal("2 2 True", text.GetString());
    }
}
