namespace LowRankTools.Core.Figures;

/// <summary>Falling values as a row of characters, for tables of text.</summary>
public static class Sparkline
{
    /// <summary>Characters of a row.</summary>
    public const int Width = 12;

    private const string Blocks = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588";
    private const string Ascii = ".:-=+*%#";

    /// <summary>Values over the largest one, taken evenly from the first to the last: at most <see cref="Width"/> of them.</summary>
    /// <param name="values">Numbers that are not negative, such as singular values.</param>
    /// <param name="blocks">Whether eighths of blocks are used, which take a screen beyond ASCII.</param>
    public static string Of(IReadOnlyList<double> values, bool blocks)
    {
        int count = Math.Min(Width, values.Count);
        double largest = values.Where(double.IsFinite).DefaultIfEmpty(0).Max();
        return string.Create(count, (values, largest, Levels: blocks ? Blocks : Ascii), static (row, from) =>
        {
            for (int i = 0; i < row.Length; i++)
            {
                double value = from.values[row.Length == 1 ? 0 : (int)((long)i * (from.values.Count - 1) / (row.Length - 1))];
                double share = from.largest > 0 && double.IsFinite(value) ? value / from.largest : 0;
                row[i] = from.Levels[Math.Clamp((int)Math.Ceiling(share * from.Levels.Length) - 1, 0, from.Levels.Length - 1)];
            }
        });
    }
}
