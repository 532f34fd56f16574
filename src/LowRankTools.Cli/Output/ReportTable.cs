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

    /// <summary>Headings; all empty for a sheet of names and values.</summary>
    public string[] Headings { get; } = Array.ConvertAll(columns, c => c.TrimStart('>'));

    /// <summary>Whether there are headings.</summary>
    public bool IsHeaded => Array.Exists(Headings, h => h.Length > 0);

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
        int[] widths = new int[columns.Length];
        foreach (string[] row in (string[][])[Headings, .. _rows])
        {
            for (int i = 0; i < widths.Length; i++)
                widths[i] = Math.Max(widths[i], row[i].Length);
        }
        if (IsHeaded)
            output.WriteLine(Line(Headings, widths));
        foreach (string[] row in _rows)
            output.WriteLine(Line(row, widths));
    }

    private string Line(string[] cells, int[] widths)
    {
        string[] padded = new string[cells.Length];
        for (int i = 0; i < cells.Length; i++)
            padded[i] = IsNumeric(i) ? cells[i].PadLeft(widths[i]) : cells[i].PadRight(widths[i]);
        return string.Join(Gap, padded).TrimEnd();
    }
}
