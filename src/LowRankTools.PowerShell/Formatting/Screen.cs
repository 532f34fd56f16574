using System.Globalization;

namespace LowRankTools.PowerShell.Formatting;

/// <summary>
/// The screen that tables are drawn on. PowerShell takes the widths of a view's columns from the cells that come first, and where all do not
/// fit it cuts the last columns: names have to leave room for figures, or figures lose their digits.
/// </summary>
internal static class Screen
{
    /// <summary>Columns where nobody says how many there are: PowerShell's own answer.</summary>
    private const int Unknown = 120;

    /// <summary>Columns of the console; of the variable COLUMNS, or 120, where the output goes elsewhere.</summary>
    public static int Columns()
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
