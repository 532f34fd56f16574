using System.Diagnostics.CodeAnalysis;

namespace LowRankTools.Formats.Remote;

/// <summary>Addresses of files on servers: which are read, and how they are shown.</summary>
public static class RemoteAddress
{
    private const string Elsewhere = "A model's files lie in one folder; do not use files from sources you do not trust.";

    /// <summary>Whether a text is an address and no path.</summary>
    public static bool Is([NotNullWhen(true)] string? text) =>
        text is not null && (text.StartsWith("https://", StringComparison.OrdinalIgnoreCase) || text.StartsWith("http://", StringComparison.OrdinalIgnoreCase));

    /// <summary>An address without its query, which may hold a signature.</summary>
    public static string Show(Uri address) => address.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped);

    /// <summary>Checks an address.</summary>
    /// <exception cref="ModelFormatException"><c>RemoteAddressRefused</c>.</exception>
    internal static Uri Parse(string text, RemoteOptions options)
    {
        if (!Is(text) || !Uri.TryCreate(text, UriKind.Absolute, out Uri? address) || address.Host.Length == 0)
            throw Refused("This is no address of a file on a server.", text);
        if (address.UserInfo.Length > 0)
            throw Refused("An address with a name or a password in it is not read.", Show(address));
        if (!IsSafe(address, options))
            throw Refused("What comes without encryption may have been changed on the way.", Show(address), "Use https, or -AllowUnencrypted where you trust the network.");
        return address;
    }

    /// <summary>Whether nobody on the way can change what comes from there, or that was said to be no matter.</summary>
    internal static bool IsSafe(Uri address, RemoteOptions options) =>
        address.Scheme == Uri.UriSchemeHttps || address.Scheme == Uri.UriSchemeHttp && (address.IsLoopback || options.AllowUnencrypted);

    /// <summary>Whether two addresses are of one server: scheme, host and port.</summary>
    internal static bool SameServer(Uri a, Uri b) =>
        Uri.Compare(a, b, UriComponents.SchemeAndServer, UriFormat.UriEscaped, StringComparison.OrdinalIgnoreCase) == 0;

    /// <summary>Address of a file that an index refers to by a relative name; the index's query is not carried over.</summary>
    /// <exception cref="ModelFormatException"><c>ReferencedFileOutside</c>: the name leads out of the index's folder.</exception>
    internal static string Sibling(Uri index, string name)
    {
        string[] segments = name.Split('/');
        if (segments.Any(s => s is "" or "." or ".." || s.AsSpan().ContainsAny("\\\0\r\n")))
            throw new ModelFormatException(FormatErrors.ReferencedFileOutside, $"It refers to '{name}', which leads out of its folder.", Show(index), remedy: Elsewhere);
        string shown = Show(index);
        return shown[..(shown.LastIndexOf('/') + 1)] + string.Join('/', segments.Select(Uri.EscapeDataString));
    }

    private static ModelFormatException Refused(string message, string address, string remedy = "") =>
        new(FormatErrors.RemoteAddressRefused, message, address, remedy: remedy);
}
