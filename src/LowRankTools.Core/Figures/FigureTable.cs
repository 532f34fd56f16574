namespace LowRankTools.Core.Figures;

/// <summary>Figures in rows, as text that is read as it stands.</summary>
/// <param name="Columns">What the cells of a row are.</param>
/// <param name="Rows">Cells, as many in a row as there are columns; text of the model's authors is not escaped.</param>
public sealed record FigureTable(IReadOnlyList<FigureColumn> Columns, IReadOnlyList<IReadOnlyList<string>> Rows)
{
    /// <summary>A table whose columns are named in order; a name that begins with &gt; is that of numbers, to the right.</summary>
    internal static FigureTable Of(IReadOnlyList<string> columns, IEnumerable<IReadOnlyList<string>> rows) =>
        new([.. columns.Select(c => c[0] == '>' ? new FigureColumn(c[1..], IsNumber: true) : new FigureColumn(c))], [.. rows]);
}

/// <summary>One column.</summary>
/// <param name="Name">Its head.</param>
/// <param name="IsNumber">Whether its cells are numbers, which end at one line.</param>
public sealed record FigureColumn(string Name, bool IsNumber = false);
