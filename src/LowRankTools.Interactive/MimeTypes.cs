namespace LowRankTools.Interactive;

/// <summary>Media types that notebooks know.</summary>
internal static class MimeTypes
{
    /// <summary>A Plotly figure, drawn by the front end's own plotly.js: nothing is fetched.</summary>
    public const string Plotly = "application/vnd.plotly.v1+json";

    /// <summary>A picture, for front ends that draw no Plotly figures.</summary>
    public const string Svg = "image/svg+xml";

    public const string Html = "text/html";

    public const string Text = "text/plain";
}
