using System.Net.Http.Headers;

namespace LowRankTools.Formats.Remote;

/// <summary>The answer to one request, its body read no faster and no further than is asked for, against a deadline.</summary>
internal sealed class RemoteAnswer : IDisposable
{
    /// <summary>Slowest pace, in bytes a second: a server that drips is given up.</summary>
    private const double LeastBytesPerSecond = 64 * 1024;

    private readonly HttpResponseMessage _response;
    private readonly CancellationTokenSource _deadline;
    private readonly RemoteSession _session;
    private readonly Stream _body;

    /// <summary>Takes over an answer.</summary>
    /// <param name="session">Is told what comes.</param>
    /// <param name="address">Where it came from, redirects followed.</param>
    /// <param name="response">Its head has been read.</param>
    /// <param name="deadline">Runs already.</param>
    public RemoteAnswer(RemoteSession session, Uri address, HttpResponseMessage response, CancellationTokenSource deadline)
    {
        (_session, Address, _response, _deadline) = (session, address, response, deadline);
        _body = response.Content.ReadAsStream(deadline.Token);
    }

    /// <summary>Where the answer came from, redirects followed.</summary>
    public Uri Address { get; }

    /// <summary>Whether the server sends the whole file in place of a range.</summary>
    public bool IsWhole => _response.StatusCode == System.Net.HttpStatusCode.OK;

    /// <summary>The range that the answer claims to be.</summary>
    public ContentRangeHeaderValue? Range => _response.Content.Headers.ContentRange;

    /// <summary>Length of the body as the server says it.</summary>
    public long? Length => _response.Content.Headers.ContentLength;

    /// <summary>Version of the file, where the server tells one.</summary>
    public string? Version => _response.Headers.ETag?.Tag;

    /// <summary>Whether the body was packed though nobody asked for that.</summary>
    public bool IsPacked => _response.Content.Headers.ContentEncoding.Any(e => !e.Equals("identity", StringComparison.OrdinalIgnoreCase));

    /// <summary>Time that a server has for some bytes.</summary>
    public static TimeSpan TimeFor(RemoteOptions options, long bytes) => options.Timeout + TimeSpan.FromSeconds(bytes / LeastBytesPerSecond);

    /// <summary>Reads until the destination is full or the body ends.</summary>
    /// <returns>Bytes read.</returns>
    /// <exception cref="ModelFormatException"><c>RemoteTimeout</c>, <c>RemoteLimitReached</c>, <c>RemoteUnreachable</c>.</exception>
    public int Read(Memory<byte> destination)
    {
        _deadline.CancelAfter(TimeFor(_session.Options, destination.Length));
        int total = 0;
        while (total < destination.Length)
        {
            int read = _session.Guard(Address, () => _body.ReadAsync(destination[total..], _deadline.Token).AsTask().GetAwaiter().GetResult());
            if (read == 0)
                break;
            total += read;
            _session.Count(Address, read);
        }
        _deadline.CancelAfter(Timeout.InfiniteTimeSpan);
        return total;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _response.Dispose();
        _deadline.Dispose();
    }
}
