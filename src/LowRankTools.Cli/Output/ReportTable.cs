namespace LowRankTools.Cli;

/// <summary>
/// Rows of text for people. A screen gets a bordered table that fits it; files and pipes get columns of plain text in
/// which no name is ever cut or wrapped.
/// </summary>
/// <param name="columns">Headings; one that begins with <c>&gt;</c> is of a column of numbers, aligned to the right.</param>
internal sealed class ReportTable(params string[] columns)
{
    private const string Gap = "  ";

    private readonly List<string[]> _rows = [];

    /// <summary>Headings.</summary>
    public IReadOnlyList<string> Headings { get; } = [.. columns.Select(c => c.TrimStart('>'))];

    /// <summary>Rows, as many cells as columns, control characters spelt out.</summary>
    public IReadOnlyList<string[]> Rows => _rows;

    /// <summary>Whether a column is aligned to the right.</summary>
    public bool IsNumeric(int column) => columns[column].StartsWith('>');

    /// <summary>Adds a row; cells that are not given are empty.</summary>
    public void Add(params ReadOnlySpan<string> cells)
    {
        string[] row = new string[columns.Length];
        for (int i = 0; i < row.Length; i++)
            row[i] = i < cells.Length ? SafeText.Line(cells[i]) : "";
        _rows.Add(row);
    }

    /// <summary>Writes the table where results go.</summary>
    public void Write(ConsoleContext console)
    {
        if (console.Terminal.Output)
            ScreenTable.Write(this, console);
        else
            WritePlain(console.Out);
    }

    private void WritePlain(TextWriter output)
    {
        int[] widths = [.. Headings.Select((heading, i) => _rows.Select(r => r[i].Length).Append(heading.Length).Max())];
        if (Headings.Any(h => h.Length > 0))
            output.WriteLine(Line(Headings, widths));
        foreach (string[] row in _rows)
            output.WriteLine(Line(row, widths));
    }

    private string Line(IReadOnlyList<string> cells, int[] widths) =>
        string.Join(Gap, cells.Select((cell, i) => IsNumeric(i) ? cell.PadLeft(widths[i]) : cell.PadRight(widths[i]))).TrimEnd();
}
