using LowRankTools.Tests;

namespace LowRankTools.PowerShell.Tests.Commands;

/// <summary>Addresses where headers are enough, from real PowerShell against a real server on this machine.</summary>
public sealed class RemoteModelTests(PwshSession session) : IClassFixture<PwshSession>, IDisposable
{
    private readonly Sandbox _sandbox = new();
    private readonly FileServer _server = new();

    public void Dispose()
    {
        _server.Dispose();
        _sandbox.Dispose();
    }

    private string Serve() => _server.Serve("/r/tiny.safetensors", File.ReadAllBytes(_sandbox["models/tiny.safetensors"]));

    [PwshTheory]
    [InlineData("Measure-ParameterCount")]
    [InlineData("Measure-ParameterCount -LiteralPath")]
    [InlineData("Get-LayerShapes")]
    public void Headers_are_the_same_as_from_the_disk(string command)
    {
        string[] columns = command.StartsWith("Get", StringComparison.Ordinal) ? ["Name", "Parameters", "Kind"] : ["Name", "Parameters", "Bytes"];
        string Script(string path) => $"{command} '{path}' | Select-Object {string.Join(',', columns)}";
        Assert.Equal(session.All(_sandbox, Script("models/tiny.safetensors")).Select(o => o.GetRawText()), session.All(_sandbox, Script(Serve())).Select(o => o.GetRawText()));
    }

    [PwshFact]
    public void A_result_says_what_came_over_the_network_and_goes_down_the_pipeline()
    {
        string address = Serve();
        Assert.Equal(new FileInfo(_sandbox["models/tiny.safetensors"]).Length, session.One(_sandbox, $"(Measure-ParameterCount '{address}').TransferredBytes").GetInt64());
        Assert.Equal(3, session.All(_sandbox, $"Measure-ParameterCount '{address}' | Get-LayerShapes").Count);
    }

    [PwshFact]
    public void A_refusal_is_one_error_and_the_next_model_has_its_turn()
    {
        string denied = _server.Status("/gated.safetensors", 401), absent = _server.Root + "/no.safetensors";
        Reply reply = session.Run(_sandbox, $"Measure-ParameterCount '{denied}', '{absent}', '{Serve()}', 'http://192.0.2.1/a.gguf'");
        Assert.Equal(["RemoteDenied", "RemoteNotFound", "RemoteAddressRefused"], reply.ErrorIds);
        Assert.Equal("tiny", Assert.Single(reply.Output).GetProperty("Name").GetString());
        Assert.All(reply.Errors, e => Assert.NotEmpty(e.Remedy));
    }

    [PwshTheory]
    [InlineData(true), InlineData(false)]
    public void The_token_of_the_environment_goes_to_the_endpoint_of_the_environment_only(bool isEndpoint)
    {
        string address = Serve();
        session.All(_sandbox, $$"""
            $env:HF_TOKEN = 'hf_test'; $env:HF_ENDPOINT = '{{(isEndpoint ? _server.Root : "https://example.org")}}'
            try { $null = Measure-ParameterCount '{{address}}' } finally { $env:HF_TOKEN = $env:HF_ENDPOINT = $null }
            """);
        Assert.Equal(isEndpoint ? "Bearer hf_test" : null, Assert.Single(_server.Requests).Headers.GetValueOrDefault("authorization"));
    }

    [PwshFact]
    public void What_needs_the_values_refuses_an_address()
    {
        Reply reply = session.Run(_sandbox, $"Invoke-LowRankFactorization '{Serve()}' -Rank 2; Get-LayerSpectrum '{Serve()}'");
        Assert.Equal(["RemoteAddressRefused", "RemoteAddressRefused"], reply.ErrorIds);
        Assert.Empty(_server.Requests);
    }
}
