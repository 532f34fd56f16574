using System.Text.Json;
using LowRankTools.Tests;

namespace LowRankTools.PowerShell.Tests.Commands;

/// <summary>-Engine and -Device where TorchSharp finds libtorch, and where it does not.</summary>
public sealed class EngineChoiceTests(PwshSession session, TorchSharpSession torchSharp) : IClassFixture<PwshSession>, IClassFixture<TorchSharpSession>, IDisposable
{
    private readonly Sandbox _sandbox = new();

    public void Dispose() => _sandbox.Dispose();

    [PwshTheory]
    [InlineData("Invoke-LowRankFactorization models/tiny.safetensors -Rank 4 -OutputPath out.safetensors")]
    [InlineData("Compare-ModelWeight models/tiny.safetensors models/tiny.safetensors -IncludeRank")]
    [InlineData("$null = New-TransformerModel seed-tiny demo -Force; Measure-ModelSpeed demo -SequenceLength 4 -Runs 1")]
    [InlineData("Measure-LayerSpeed 8x8 -SkipBreakEven -Runs 1")]
    public void An_engine_that_is_asked_for_computes_or_is_an_error(string command)
    {
        Assert.Empty(Errors(session, command + " -Engine Embedded -Device cpu"));
        Assert.Empty(Errors(torchSharp, command.Replace("out.", "torch.", StringComparison.Ordinal) + " -Engine TorchSharp"));
        Assert.Equal(["EngineUnavailable"], Errors(session, command + " -Engine TorchSharp"));
        Assert.Equal(["EngineUnavailable"], Errors(session, command + " -Engine Embedded -Device cuda"));
        Assert.Equal(["OptionInvalid"], Errors(session, command + " -Device abacus"));
    }

    [PwshFact]
    public void TorchSharp_says_what_it_is_and_where_it_lies()
    {
        JsonElement engine = torchSharp.One(_sandbox, "Get-LowRankEngine TorchSharp | Where-Object Device -eq cpu");
        Assert.True(engine.GetProperty("Available").GetBoolean(), engine.GetProperty("Reason").GetString());
        Assert.Equal(LibTorchCopy.Folder, engine.GetProperty("Path").GetString());
        Assert.Equal("", engine.GetProperty("Remedy").GetString());
        Assert.True(engine.GetProperty("MemoryBytes").GetInt64() > 0);
    }

    [PwshFact]
    public void A_device_that_is_missing_is_a_warning_and_the_embedded_engine_computes()
    {
        // No machine has so many.
        JsonElement result = session.One(_sandbox, "Invoke-LowRankFactorization models/tiny.safetensors -Rank 4 -Device cuda:99 -WarningVariable w -WarningAction SilentlyContinue | ForEach-Object { [pscustomobject]@{ Engine = $_.Engine; Warnings = $w.Count } }");
        Assert.Equal("Embedded on cpu", result.GetProperty("Engine").GetString());
        Assert.Equal(1, result.GetProperty("Warnings").GetInt32());
    }

    [PwshFact]
    public void Results_can_be_indexed()
    {
        Assert.Equal("fc1.weight", session.One(_sandbox, "(Invoke-LowRankFactorization models/tiny.safetensors -Rank 4).Layers[0].Name").GetString());
        Assert.Equal(64, session.One(_sandbox, "(Get-LayerShapes models/tiny.safetensors -Name fc1.weight).Shape[0]").GetInt32());
    }

    // Nothing can go on without its engine, so the error is a terminating one.
    private IEnumerable<string> Errors(PwshSession place, string command)
    {
        Reply reply = place.Run(_sandbox, command);
        return reply.Thrown is { } thrown ? [thrown.Id.Split(',')[0]] : reply.ErrorIds;
    }
}
