using Spectre.Console;

namespace LowRankTools.Cli.Output;

/// <summary>Draws tables on a screen. Apart from the others, so that redirected runs never load the drawing library.</summary>
internal static class ScreenTable
{
    public static void Write(ReportTable report, ConsoleContext console)
    {
        Table table = new() { Border = report.IsHeaded ? TableBorder.Rounded : TableBorder.None, ShowHeaders = report.IsHeaded };
        Style heading = console.Terminal.Color ? new Style(decoration: Decoration.Bold) : Style.Plain;
        for (int i = 0; i < report.Headings.Length; i++)
        {
            TableColumn column = new(new Text(report.Headings[i], heading));
            table.AddColumn((report.IsNumeric(i) ? column.RightAligned() : column).NoWrap());
        }
        foreach (string[] row in report.Rows)
            table.AddRow(row.Select(cell => new Text(cell)));
        Screen.Create(console.Out, console.Terminal).Write(table);
    }
}
