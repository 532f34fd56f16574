using System.Text.Json;

namespace LowRankTools.PowerShell.Tests.Commands;

/// <summary>Making transformers, and timing them.</summary>
public sealed class ModelSpeedTests(PwshSession session) : IClassFixture<PwshSession>, IDisposable
{
    private readonly Sandbox _sandbox = new();

    public void Dispose() => _sandbox.Dispose();

    [PwshFact]
    public void A_new_model_is_counted_factorized_and_timed_against_its_parent()
    {
        JsonElement[] speeds = [.. session.All(_sandbox, """
            $made = New-TransformerModel seed-tiny demo
            $made | Invoke-LowRankFactorization -Rank 8 -OutputPath small -FirstBias |
                Measure-ModelSpeed -ReferencePath demo -SequenceLength 8 -Runs 2
            """)];
        Assert.Equal([_sandbox["demo/model.safetensors"], _sandbox["small/demo/model.safetensors"]], speeds.Select(s => s.GetProperty("Path").GetString()));
        Assert.All(speeds, s => Assert.Equal((16, 2), (s.GetProperty("Tokens").GetInt32(), s.GetProperty("Times").GetProperty("Runs").GetInt32())));
        Assert.Equal(0, speeds[0].GetProperty("Pairs").GetInt32());
        Assert.True(speeds[1].GetProperty("Pairs").GetInt32() > 0 && speeds[1].GetProperty("SpeedUp").GetDouble() > 0);
    }

    [PwshFact]
    public void A_model_that_does_not_run_is_its_own_error()
    {
        Reply reply = session.Run(_sandbox, """
            $null = New-TransformerModel gpt2-tiny gpt
            'models/tiny.safetensors', 'gpt', 'missing' | Measure-ModelSpeed -SequenceLength 4 -Runs 1
            """);
        Assert.Equal(["ConfigNotFound", "PathNotFound"], reply.ErrorIds);
        Assert.Equal("gpt", Assert.Single(reply.Output).GetProperty("Name").GetString());
    }

    [PwshTheory]
    [InlineData("New-TransformerModel nothing out", "PresetUnknown")]
    [InlineData("New-TransformerModel -ConfigPath missing.json -OutputPath out", "PathNotFound")]
    [InlineData("'{}' | Set-Content config.json; New-TransformerModel -ConfigPath config.json -OutputPath out", "ConfigInvalid")]
    [InlineData("$null = New-TransformerModel seed-tiny demo; New-TransformerModel seed-tiny demo", "OutputExists")]
    [InlineData("$null = New-TransformerModel seed-tiny demo; Measure-ModelSpeed demo -SequenceLength 257", "InputInvalid")]
    public void Wrong_requests_have_ids(string command, string id)
    {
        Reply reply = session.Run(_sandbox, command);
        Assert.Null(reply.Thrown);
        Assert.Equal([id], reply.ErrorIds);
        Assert.False(_sandbox.Exists("out"));
    }

    [PwshFact]
    public void What_if_writes_nothing_and_force_replaces()
    {
        Assert.Empty(session.All(_sandbox, "New-TransformerModel seed-tiny demo -WhatIf"));
        Assert.False(_sandbox.Exists("demo"));
        session.One(_sandbox, "New-TransformerModel seed-tiny demo");
        string before = _sandbox.Fingerprint("demo");
        session.One(_sandbox, "New-TransformerModel seed-tiny demo -Force");
        Assert.Equal(before, _sandbox.Fingerprint("demo"));
        session.One(_sandbox, "New-TransformerModel seed-tiny demo -Force -Seed 1");
        Assert.NotEqual(before, _sandbox.Fingerprint("demo"));
    }

    [PwshFact]
    public void A_configuration_comes_down_the_pipeline()
    {
        session.One(_sandbox, "New-TransformerModel llama-tiny one");
        Assert.Equal("two", session.One(_sandbox, "Get-Item one/config.json | New-TransformerModel -OutputPath two").GetProperty("Name").GetString());
        Assert.Equal(File.ReadAllText(_sandbox["one/config.json"]), File.ReadAllText(_sandbox["two/config.json"]));
    }
}
