using System.Globalization;

namespace LowRankTools.PowerShell.Formatting;

/// <summary>
/// The screen that tables are drawn on. PowerShell takes the widths of a view's columns from the cells that come first, and where all do not
/// fit it cuts the last columns: names have to leave room for figures, or figures lose their digits.
/// </summary>
internal static class Screen
{
    /// <summary>Columns where nobody says how many there are: notebooks and tools that read the output have no screen.</summary>
    private const int Unknown = 120;

    /// <summary>
    /// Columns that PowerShell fills: all but the last of the console, whose cursor would go on to the next line. Of the variable COLUMNS, or 120, where the output
    /// goes elsewhere.
    /// </summary>
    public static int Columns() => All() - 1;

    private static int All()
    {
        if (Console.IsOutputRedirected)
            return int.TryParse(Environment.GetEnvironmentVariable("COLUMNS"), NumberStyles.None, CultureInfo.InvariantCulture, out int said) && said > 0 ? said : Unknown;
        try
        {
            return Console.BufferWidth > 0 ? Console.BufferWidth : Unknown;
        }
        catch (IOException)
        {
            return Unknown;
        }
    }
}
