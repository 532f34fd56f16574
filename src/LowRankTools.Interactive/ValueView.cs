using System.Net;
using System.Text;
using LowRankTools.Core.Figures;

namespace LowRankTools.Interactive;

/// <summary>A table, with the plot of the same numbers above it where there is one.</summary>
/// <param name="Table">The numbers.</param>
/// <param name="Figure">Their plot; null for none.</param>
internal sealed record ValueView(FigureTable Table, Figure? Figure = null)
{
    private const int MostRows = 60;
    private const int PictureWidth = 760;

    public static ValueView Of(Figure figure) => new(figure.Table, figure);

    /// <summary>The plot as a picture and the table, without scripts; every text is escaped.</summary>
    public string ToHtml()
    {
        StringBuilder html = new();
        if (Figure is not null)
            html.Append(Figure.ToSvg(PictureWidth)).Append('\n').Append("<p>").Append(WebUtility.HtmlEncode(Figure.Protocol)).Append("</p>\n");
        html.Append("<table><thead><tr>");
        foreach (FigureColumn column in Table.Columns)
            Cell("th", column, column.Name);
        html.Append("</tr></thead><tbody>\n");
        foreach (IReadOnlyList<string> row in Table.Rows.Take(MostRows))
        {
            html.Append("<tr>");
            for (int i = 0; i < row.Count; i++)
                Cell("td", Table.Columns[i], row[i]);
            html.Append("</tr>\n");
        }
        html.Append("</tbody></table>");
        if (Table.Rows.Count > MostRows)
            html.Append("<p>").Append(Rest).Append("</p>");
        return html.ToString();

        void Cell(string tag, FigureColumn column, string text) => html.Append('<').Append(tag)
            .Append(column.IsNumber ? " style=\"text-align:right\">" : " style=\"text-align:left\">").Append(WebUtility.HtmlEncode(text)).Append("</").Append(tag).Append('>');
    }

    /// <summary>The table as text, columns aligned.</summary>
    public string ToText()
    {
        int[] widths = [.. Table.Columns.Select((c, i) => Table.Rows.Take(MostRows).Select(r => r[i].Length).Append(c.Name.Length).Max())];
        StringBuilder text = new();
        Line([.. Table.Columns.Select(c => c.Name)]);
        foreach (IReadOnlyList<string> row in Table.Rows.Take(MostRows))
            Line(row);
        if (Table.Rows.Count > MostRows)
            text.Append(Rest);
        return text.ToString().TrimEnd('\n');

        void Line(IReadOnlyList<string> cells) => text.Append(string.Join("  ", cells.Select((c, i) =>
            Table.Columns[i].IsNumber ? c.PadLeft(widths[i]) : c.PadRight(widths[i]))).TrimEnd()).Append('\n');
    }

    private string Rest => $"and {Table.Rows.Count - MostRows} more";
}
