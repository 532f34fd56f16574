using System.Net;
using System.Net.Http.Headers;
using LowRankTools.Formats.IO;

namespace LowRankTools.Formats.Remote;

/// <summary>
/// Requests for one model. A server is anybody: redirects, bytes and time are bounded, nothing is decompressed, no cookie is
/// kept, and the token goes to its own server only.
/// </summary>
internal sealed class RemoteSession : IDisposable
{
    /// <summary>Most bytes of one model: two headers at their greatest length and some room.</summary>
    private const long MostBytes = 256L * 1024 * 1024;

    /// <summary>Most redirects of one request; Hugging Face needs one or two.</summary>
    private const int MostRedirects = 5;

    private const int MostHeadKilobytes = 64;

    private readonly HttpClient _client;
    private readonly Uri? _tokenEndpoint;
    private readonly AuthenticationHeaderValue? _token;
    private long _bytes;
    private int _requests, _withoutRanges;

    /// <summary>Makes the session; nothing is sent yet.</summary>
    /// <exception cref="ModelFormatException"><c>RemoteDenied</c>: the token holds characters that no token has.</exception>
    public RemoteSession(RemoteOptions options)
    {
        Options = options;
        _client = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            ConnectTimeout = options.Timeout,
            MaxResponseHeadersLength = MostHeadKilobytes,
            // What of a body nobody wants is not fetched to keep the connection: it is closed.
            MaxResponseDrainSize = 0,
        })
        { Timeout = Timeout.InfiniteTimeSpan };
        string token = options.Token.Trim();
        if (token.Length == 0)
            return;
        if (!token.All(c => c is > ' ' and < (char)127))
            throw new ModelFormatException(FormatErrors.RemoteDenied, "The token holds characters that no token has.", remedy: "Correct the environment variable HF_TOKEN.");
        _token = new AuthenticationHeaderValue("Bearer", token);
        Uri.TryCreate(options.TokenEndpoint, UriKind.Absolute, out _tokenEndpoint);
    }

    public RemoteOptions Options { get; }

    /// <summary>What came so far.</summary>
    public RemoteTransfer Transfer => new(_bytes, _requests, _withoutRanges);

    /// <summary>Asks for a range, redirects followed.</summary>
    /// <param name="address">Where to ask.</param>
    /// <param name="from">First byte.</param>
    /// <param name="count">Bytes.</param>
    /// <returns>A range, or the whole file.</returns>
    /// <exception cref="ModelFormatException">See the ids of <see cref="FormatErrors"/> that begin with Remote.</exception>
    public RemoteAnswer Get(Uri address, long from, long count)
    {
        for (int redirects = 0; ; redirects++)
        {
            CancellationTokenSource deadline = CancellationTokenSource.CreateLinkedTokenSource(Options.CancellationToken);
            HttpResponseMessage? response = null;
            try
            {
                deadline.CancelAfter(RemoteAnswer.TimeFor(Options, 0));
                response = Guard(address, () => Send(address, from, count, deadline.Token));
                if (!IsRedirect(response.StatusCode))
                {
                    RemoteErrors.Check(response, address, from, IsTokenFor(address));
                    return new RemoteAnswer(this, address, response, deadline);
                }
                Uri next = Next(address, response, redirects);
                response.Dispose();
                deadline.Dispose();
                address = next;
            }
            catch
            {
                response?.Dispose();
                deadline.Dispose();
                throw;
            }
        }
    }

    /// <summary>Notes that a server knows no ranges.</summary>
    public void NoteWithoutRanges() => _withoutRanges++;

    /// <summary>Counts what came.</summary>
    /// <exception cref="ModelFormatException"><c>RemoteLimitReached</c>.</exception>
    public void Count(Uri address, int bytes)
    {
        _bytes += bytes;
        if (_bytes > MostBytes)
            throw new ModelFormatException(FormatErrors.RemoteLimitReached, $"More than {MostBytes} bytes were asked for; headers have less.", RemoteAddress.Show(address));
    }

    /// <summary>Runs a step on the network; its failures become errors with a remedy.</summary>
    public T Guard<T>(Uri address, Func<T> step)
    {
        try
        {
            return step();
        }
        catch (OperationCanceledException e) when (!Options.CancellationToken.IsCancellationRequested)
        {
            throw new ModelFormatException(FormatErrors.RemoteTimeout, $"The server did not answer within {Options.Timeout.TotalSeconds:0.#} seconds, or sends too slowly.", RemoteAddress.Show(address), inner: e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw RemoteErrors.Failed(e, address);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    private HttpResponseMessage Send(Uri address, long from, long count, CancellationToken cancellationToken)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, address);
        request.Headers.Range = new RangeHeaderValue(from, from + count - 1);
        request.Headers.AcceptEncoding.ParseAdd("identity");
        request.Headers.UserAgent.ParseAdd("LowRankTools");
        if (IsTokenFor(address))
            request.Headers.Authorization = _token;
        _requests++;
        return _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).GetAwaiter().GetResult();
    }

    // Whatever the address and wherever redirects led: the token's own server, and never without encryption but on this machine.
    private bool IsTokenFor(Uri address) => _token is not null && _tokenEndpoint is not null && RemoteAddress.SameServer(address, _tokenEndpoint)
        && (address.Scheme == Uri.UriSchemeHttps || address.IsLoopback);

    private static bool IsRedirect(HttpStatusCode status) => status is HttpStatusCode.MovedPermanently or HttpStatusCode.Found or HttpStatusCode.SeeOther
        or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect;

    private Uri Next(Uri address, HttpResponseMessage response, int redirects)
    {
        if (redirects == MostRedirects)
            throw Refused($"The server sends the request on more than {MostRedirects} times.");
        if (response.Headers.Location is not { } location || !Uri.TryCreate(address, location, out Uri? next) || next.UserInfo.Length > 0)
            throw Refused("The server sends the request on to no address.");
        // From another machine to this one, or out of encryption: nobody meant that.
        if (!RemoteAddress.IsSafe(next, Options) || next.IsLoopback && !address.IsLoopback || address.Scheme == Uri.UriSchemeHttps && next.Scheme != Uri.UriSchemeHttps)
            throw Refused($"The server sends the request on to {RemoteAddress.Show(next)}, which is not followed.");
        return next;

        ModelFormatException Refused(string message) => new(FormatErrors.RemoteRedirectRefused, message, RemoteAddress.Show(address));
    }
}
