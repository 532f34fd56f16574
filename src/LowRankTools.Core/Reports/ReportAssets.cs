using System.Security.Cryptography;
using System.Text;
using LowRankTools.Core.Figures;

namespace LowRankTools.Core.Reports;

/// <summary>The files that every report carries.</summary>
internal static class ReportAssets
{
    /// <summary>Draws the plots.</summary>
    public static string Plotly => Read("plotly.min.js");

    /// <summary>Hands the figures to it.</summary>
    public static string Script => Read("report.js");

    /// <summary>How the page looks, in light and dark and on paper.</summary>
    public static string Style => Read("report.css") + SvgText.Style;

    /// <summary>What a policy calls a script that stands in the page.</summary>
    public static string Hash(string script) => $"'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(script)))}'";

    // A browser reads every line end as one character, and hashes what it read.
    private static string Read(string name)
    {
        using Stream stream = typeof(ReportAssets).Assembly.GetManifestResourceStream(name)!;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd().Replace("\r\n", "\n", StringComparison.Ordinal);
    }
}
