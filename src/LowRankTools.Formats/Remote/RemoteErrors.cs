using System.Net;

namespace LowRankTools.Formats.Remote;

/// <summary>What servers say and what fails on the way, as errors of this library.</summary>
internal static class RemoteErrors
{
    private const string OtherToken = "The token in HF_TOKEN may not read it: use another one; of a gated model, accept the terms on its page first.";

    /// <summary>Refuses an answer that brings nothing.</summary>
    /// <param name="response">Neither a redirect.</param>
    /// <param name="address">Where it came from.</param>
    /// <param name="from">First byte that was asked for.</param>
    /// <param name="hadToken">Whether the server was shown the token.</param>
    /// <exception cref="ModelFormatException">The status is none of 200 and 206.</exception>
    public static void Check(HttpResponseMessage response, Uri address, long from, bool hadToken)
    {
        HttpStatusCode status = response.StatusCode;
        if (status is HttpStatusCode.OK or HttpStatusCode.PartialContent)
            return;
        string file = RemoteAddress.Show(address), answer = $"The server answers {(int)status} ({status}).";
        throw status switch
        {
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden or HttpStatusCode.ProxyAuthenticationRequired =>
                new ModelFormatException(FormatErrors.RemoteDenied, answer, file, remedy: hadToken ? OtherToken : ""),
            HttpStatusCode.NotFound or HttpStatusCode.Gone => new ModelFormatException(FormatErrors.RemoteNotFound, answer, file),
            HttpStatusCode.RequestedRangeNotSatisfiable => new ModelFormatException(FormatErrors.HeaderTruncated, $"{answer} The file has no byte {from}.", file),
            _ => new ModelFormatException(FormatErrors.RemoteFailed, answer, file),
        };
    }

    /// <summary>What failed on the way.</summary>
    public static ModelFormatException Failed(Exception e, Uri address)
    {
        string file = RemoteAddress.Show(address), cause = Innermost(e).Message;
        return e is HttpRequestException { HttpRequestError: HttpRequestError.InvalidResponse or HttpRequestError.ConfigurationLimitExceeded } or HttpIOException
            ? new ModelFormatException(FormatErrors.RemoteAnswerInvalid, $"The server's answer is none of HTTP, or breaks off: {cause}", file, inner: e)
            : new ModelFormatException(FormatErrors.RemoteUnreachable, $"The server cannot be reached: {cause}", file, inner: e);
    }

    /// <summary>An answer that is not what was asked for.</summary>
    public static ModelFormatException Invalid(Uri address, string message) => new(FormatErrors.RemoteAnswerInvalid, message, RemoteAddress.Show(address));

    private static Exception Innermost(Exception e)
    {
        while (e.InnerException is { } inner)
            e = inner;
        return e;
    }
}
