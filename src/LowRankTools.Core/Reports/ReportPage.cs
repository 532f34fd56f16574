using System.Globalization;
using System.Text;
using LowRankTools.Core.Figures;
using LowRankTools.Core.Plans;

namespace LowRankTools.Core.Reports;

/// <summary>
/// Writes a report as one page. What models call their layers is text wherever it stands, and a policy in the head forbids
/// every script but the two that are written here, and every fetch.
/// </summary>
internal sealed class ReportPage
{
    private const int StillWidth = 860;

    private readonly StringBuilder _html = new();

    /// <summary>The page.</summary>
    public static string Write(Report report)
    {
        ReportPage page = new();
        page.Head(report.Title);
        page.Summary(report.Summary);
        for (int i = 0; i < report.Figures.Count; i++)
            page.Plot(report.Figures[i], i);
        if (report.Plan is { } plan)
            page.Plan(plan);
        page.Foot();
        return page._html.ToString();
    }

    private static string Text(string text) => SvgText.Escape(text);

    private void Head(string title)
    {
        string policy = $"default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; script-src {ReportAssets.Hash(ReportAssets.Plotly)} {ReportAssets.Hash(ReportAssets.Script)}";
        _html.Append($"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" content="{policy}">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <title>{Text(title)} - low-rank report</title>
            <style>
            {ReportAssets.Style}
            </style>
            </head>
            <body>
            <main>
            <h1>{Text(title)}</h1>

            """.ReplaceLineEndings("\n"));
    }

    private void Summary(IReadOnlyList<ReportFact> facts)
    {
        _html.Append("<section>\n<h2>Summary</h2>\n<table class=\"facts\">\n<tbody>\n");
        foreach (ReportFact fact in facts)
            _html.Append($"<tr><th scope=\"row\">{Text(fact.Name)}</th><td>{Text(fact.Value)}</td></tr>\n");
        _html.Append("</tbody>\n</table>\n</section>\n");
    }

    private void Plot(Figure figure, int index)
    {
        string id = index.ToString(CultureInfo.InvariantCulture);
        _html.Append($"<section>\n<h2 id=\"figure-{id}\">{Text(figure.Title)}</h2>\n<figure>\n<div class=\"still\">\n");
        _html.Append(SvgFigure.Write(figure, StillWidth, standalone: false));
        _html.Append($"</div>\n<div class=\"live\" role=\"group\" aria-labelledby=\"figure-{id}\" hidden></div>\n");
        // The JSON has no < in it, so nothing in it can end the element.
        _html.Append($"<script type=\"application/json\">{figure.ToJson()}</script>\n");
        _html.Append($"<figcaption>{Text(figure.Protocol)}</figcaption>\n</figure>\n");
        _html.Append($"<details>\n<summary>As a table ({FigureText.Plural(figure.Table.Rows.Count, "row")})</summary>\n");
        Table(figure.Table, figure.Title);
        _html.Append("</details>\n</section>\n");
    }

    private void Plan(RankPlan plan)
    {
        _html.Append("<section>\n<h2>The plan</h2>\n");
        Table(PlanReport.Decisions(plan), "The plan");
        _html.Append("</section>\n");
    }

    private void Table(FigureTable table, string name)
    {
        // What scrolls must be reachable by keyboard, and then needs a name.
        _html.Append($"<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{Text(name)}, table\">\n<table>\n<thead>\n<tr>");
        foreach (FigureColumn column in table.Columns)
            _html.Append($"<th scope=\"col\"{Kind(column)}>{Text(column.Name)}</th>");
        _html.Append("</tr>\n</thead>\n<tbody>\n");
        foreach (IReadOnlyList<string> row in table.Rows)
        {
            _html.Append("<tr>");
            for (int i = 0; i < row.Count; i++)
                _html.Append(i == 0 ? $"<th scope=\"row\">{Text(row[i])}</th>" : $"<td{Kind(table.Columns[i])}>{Text(row[i])}</td>");
            _html.Append("</tr>\n");
        }
        _html.Append("</tbody>\n</table>\n</div>\n");
    }

    private static string Kind(FigureColumn column) => column.IsNumber ? " class=\"number\"" : "";

    private void Foot() => _html.Append("</main>\n<footer><p>Made by LowRankTools. Plots by plotly.js (MIT licence), which is part of this file; nothing is fetched.</p></footer>\n")
        .Append($"<script>{ReportAssets.Plotly}</script>\n<script>{ReportAssets.Script}</script>\n</body>\n</html>\n");
}
