using LowRankTools.Core.Text;

namespace LowRankTools.Cli.Output;

/// <summary>
/// Rows of text for people: a bordered table where a screen has room for it, columns of plain text in files, pipes and
/// on narrow screens. No name is ever cut, and a column that nothing stands in is left out.
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
        ReportTable filled = WithoutEmptyColumns();
        int[] widths = filled.Widths();
        int bordered = 1 + 3 * widths.Length;
        foreach (int width in widths)
            bordered += width;
        if (console.Terminal.Output && bordered <= console.Terminal.Width)
            ScreenTable.Write(filled, console);
        else
            filled.WritePlain(console.Out, widths);
    }

    private ReportTable WithoutEmptyColumns()
    {
        int[] kept = [.. Enumerable.Range(0, columns.Length).Where(i => _rows.Count == 0 || _rows.Exists(row => row[i].Length > 0))];
        if (kept.Length == columns.Length)
            return this;
        ReportTable filled = new(Array.ConvertAll(kept, i => columns[i]));
        foreach (string[] row in _rows)
            filled._rows.Add(Array.ConvertAll(kept, i => row[i]));
        return filled;
    }

    private int[] Widths()
    {
        int[] widths = Array.ConvertAll(Headings, h => h.Length);
        foreach (string[] row in _rows)
        {
            for (int i = 0; i < widths.Length; i++)
                widths[i] = Math.Max(widths[i], row[i].Length);
        }
        return widths;
    }

    private void WritePlain(TextWriter output, int[] widths)
    {
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
