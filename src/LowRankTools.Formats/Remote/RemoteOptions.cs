namespace LowRankTools.Formats.Remote;

/// <summary>How files on servers are read.</summary>
public sealed record RemoteOptions
{
    private const string TokenVariable = "HF_TOKEN", EndpointVariable = "HF_ENDPOINT", DefaultEndpoint = "https://huggingface.co";

    /// <summary>Time to wait for the answer to one request; what it brings must then come at no less than 64 KiB a second.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Whether addresses of http are read from other machines too: anybody on the way can then change what is read.</summary>
    public bool AllowUnencrypted { get; init; }

    /// <summary>The token to show to <see cref="TokenEndpoint"/>; by default what the environment variable HF_TOKEN holds. Empty for none.</summary>
    public string Token { get; init; } = Environment.GetEnvironmentVariable(TokenVariable) ?? "";

    /// <summary>
    /// The one server that the token is for, scheme, host and port: HF_ENDPOINT, or Hugging Face. No other one gets to see it,
    /// whatever addresses are given and wherever redirects lead.
    /// </summary>
    public string TokenEndpoint { get; init; } = Environment.GetEnvironmentVariable(EndpointVariable) is { Length: > 0 } endpoint ? endpoint : DefaultEndpoint;

    /// <summary>Stops between and inside requests.</summary>
    public CancellationToken CancellationToken { get; init; }
}
