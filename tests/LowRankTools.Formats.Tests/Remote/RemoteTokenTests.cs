using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Remote;
using LowRankTools.Formats.Tests.Safetensors;
using LowRankTools.Tests;

namespace LowRankTools.Formats.Tests.Remote;

/// <summary>The token is shown to the server that it is for, and to no other one.</summary>
public sealed class RemoteTokenTests : IDisposable
{
    private const string Token = "hf_secret";

    private static readonly byte[] s_file = SafetensorsBytes.File($"{{{SafetensorsBytes.Entry("w", "F32", "[2]", "[0,8]")}}}", 8);

    private readonly FileServer _server = new();

    public void Dispose() => _server.Dispose();

    private RemoteOptions Options(string? endpoint = null) => new() { Timeout = TimeSpan.FromSeconds(20), Token = Token, TokenEndpoint = endpoint ?? _server.Root };

    private IEnumerable<string?> Shown => [.. _server.Requests.Select(r => r.Headers.GetValueOrDefault("authorization"))];

    [Fact]
    public void Its_own_server_sees_it()
    {
        TensorFiles.OpenRemote(_server.Serve("/m.safetensors", s_file), Options()).Dispose();
        Assert.Equal(["Bearer " + Token], Shown);
    }

    [Fact]
    public void A_redirect_on_the_same_server_keeps_it()
    {
        _server.Serve("/b", s_file);
        TensorFiles.OpenRemote(_server.Status("/m.safetensors", 301, "Location: /b\r\n"), Options()).Dispose();
        Assert.Equal(["Bearer " + Token, "Bearer " + Token], Shown);
    }

    [Fact]
    public void A_redirect_to_another_server_loses_it()
    {
        _server.Serve("/b", s_file);
        TensorFiles.OpenRemote(_server.Status("/m.safetensors", 302, $"Location: {_server.OtherRoot}/b\r\n"), Options()).Dispose();
        Assert.Equal(["Bearer " + Token, null], Shown);
    }

    [Fact]
    public void An_address_elsewhere_never_has_it()
    {
        _server.Serve("/m.safetensors", s_file);
        TensorFiles.OpenRemote(_server.OtherRoot + "/m.safetensors", Options()).Dispose();
        TensorFiles.OpenRemote(_server.Root + "/m.safetensors", Options("https://huggingface.co")).Dispose();
        Assert.Equal([null, null], Shown);
    }

    [Theory]
    [InlineData("a\nb"), InlineData("a b"), InlineData("\u00e9")]
    public void What_is_no_token_is_refused_before_anything_is_sent(string token)
    {
        ModelFormatException e = Assert.Throws<ModelFormatException>(() => TensorFiles.OpenRemote(_server.Serve("/m.safetensors", s_file), Options() with { Token = token }));
        Assert.Equal(FormatErrors.RemoteDenied, e.ErrorId);
        Assert.Empty(_server.Requests);
    }
}
