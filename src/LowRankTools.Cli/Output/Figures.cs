using System.Globalization;

namespace LowRankTools.Cli.Output;

/// <summary>Numbers for people, the same in every country.</summary>
internal static class Figures
{
    private static readonly string[] s_units = ["B", "KB", "MB", "GB", "TB", "PB", "EB"];

    /// <summary>1,234,567.</summary>
    public static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>Units of 1024, as PowerShell counts and as the cmdlets show them: 173.8 MB.</summary>
    public static string Bytes(long value)
    {
        double size = value;
        int unit = 0;
        // What would round to 1024.0 belongs to the next unit.
        while (size >= 1023.95 && unit < s_units.Length - 1)
        {
            size /= 1024;
            unit++;
        }
        return $"{size.ToString(unit == 0 ? "F0" : "F1", CultureInfo.InvariantCulture)} {s_units[unit]}";
    }

    /// <summary>0.22 is 22.0 %.</summary>
    public static string Percent(double share) => string.Create(CultureInfo.InvariantCulture, $"{share * 100:F1} %");

    /// <summary>Four decimals, or four digits and an exponent; nothing where there is no number.</summary>
    public static string Small(double? value) => value switch
    {
        null => "",
        0 => "0",
        { } v when Math.Abs(v) is >= 1e-3 and < 1e4 => v.ToString("F4", CultureInfo.InvariantCulture),
        { } v => v.ToString("0.000E+0", CultureInfo.InvariantCulture),
    };

    /// <summary>Seconds to the millisecond below ten, to the tenth above.</summary>
    public static string Seconds(double? value) =>
        value is { } seconds ? seconds.ToString(seconds < 10 ? "F3" : "F1", CultureInfo.InvariantCulture) : "";

    /// <summary>A time with three digits, in the unit that suits it: 31.2 us, 4.18 ms, 1.56 s.</summary>
    public static string Duration(double seconds) =>
        seconds < 0.9995e-3 ? $"{Rate(seconds * 1e6)} us" : seconds < 0.9995 ? $"{Rate(seconds * 1e3)} ms" : $"{Rate(seconds)} s";

    /// <summary>A factor or a rate with three digits, or all before the point: 1.87, 18.4, 1843.</summary>
    public static string Rate(double value) =>
        value.ToString(value < 9.995 ? "F2" : value < 99.95 ? "F1" : "F0", CultureInfo.InvariantCulture);

    /// <summary>1 layer, 2 layers.</summary>
    public static string Plural(long count, string noun) => $"{Count(count)} {noun}{(count == 1 ? "" : "s")}";
}
