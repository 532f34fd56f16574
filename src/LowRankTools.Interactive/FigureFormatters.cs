using Microsoft.DotNet.Interactive.Formatting;
using Plotly.NET;

namespace LowRankTools.Interactive;

/// <summary>
/// How figures and charts reach a notebook: as a Plotly figure. Beside a figure of this library lies a picture, for front ends that
/// draw none; a chart of Plotly.NET has none that could be made without a browser.
/// </summary>
internal static class FigureFormatters
{
    private const int PictureWidth = 760;

    public static void Register()
    {
        Formatter.Register<LowRankTools.Core.Figures.Figure>((figure, writer) => writer.Write(GenericChart.toFigureJson(figure.ToChart())), MimeTypes.Plotly);
        Formatter.Register<LowRankTools.Core.Figures.Figure>((figure, writer) => writer.Write(figure.ToSvg(PictureWidth)), MimeTypes.Svg);
        Formatter.Register<LowRankTools.Core.Figures.Figure>((figure, writer) => writer.Write($"{figure.Title}. {figure.Protocol}"), MimeTypes.Text);
        Formatter.SetPreferredMimeTypesFor(typeof(LowRankTools.Core.Figures.Figure), MimeTypes.Plotly, MimeTypes.Svg, MimeTypes.Text);

        Formatter.Register<GenericChart>((chart, writer) => writer.Write(GenericChart.toFigureJson(chart)), MimeTypes.Plotly);
        Formatter.Register<GenericChart>((_, writer) => writer.Write("A chart of Plotly.NET"), MimeTypes.Text);
        Formatter.SetPreferredMimeTypesFor(typeof(GenericChart), MimeTypes.Plotly, MimeTypes.Text);
    }
}
