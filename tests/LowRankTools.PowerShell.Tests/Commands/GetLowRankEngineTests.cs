using System.Text.Json;

namespace LowRankTools.PowerShell.Tests.Commands;

public sealed class GetLowRankEngineTests(PwshSession session) : IClassFixture<PwshSession>, IDisposable
{
    private readonly Sandbox _sandbox = new();

    public void Dispose() => _sandbox.Dispose();

    [PwshFact]
    public void The_embedded_engine_is_always_available()
    {
        JsonElement engine = session.One(_sandbox, "Get-LowRankEngine embedded");
        Assert.True(engine.GetProperty("Available").GetBoolean());
        Assert.True(engine.GetProperty("ThreadCount").GetInt32() >= 1);
        Assert.NotEqual("", engine.GetProperty("InstructionSet").GetString());
    }

    [PwshFact]
    public void An_engine_that_is_missing_says_why()
    {
        Assert.All(session.All(_sandbox, "Get-LowRankEngine"), e =>
        {
            Assert.Equal(e.GetProperty("Available").GetBoolean(), e.GetProperty("Reason").GetString()!.Length == 0);
            Assert.Equal(e.GetProperty("Available").GetBoolean(), e.GetProperty("Remedy").GetString()!.Length == 0);
            Assert.Equal(e.GetProperty("Available").GetBoolean(), e.GetProperty("Path").GetString()!.Length > 0);
        });
    }

    [PwshFact]
    public void A_name_that_no_engine_has_is_an_error_and_a_pattern_is_not()
    {
        Reply reply = session.Run(_sandbox, "Get-LowRankEngine Abacus, Embedded; Get-LowRankEngine Aba*");
        Assert.Equal(["EngineNotFound"], reply.ErrorIds);
        Assert.Single(reply.Output);
    }
}
