using System.Globalization;

namespace LowRankTools.Core.Figures;

/// <summary>Figures as text, the same in every culture.</summary>
internal static class FigureText
{
    private const double Megabyte = 1 << 20;

    /// <summary>A count with group separators.</summary>
    public static string Count(long? count) => count?.ToString("N0", CultureInfo.InvariantCulture) ?? "";

    /// <summary>Megabytes of 1,048,576 bytes.</summary>
    public static double Megabytes(long bytes) => bytes / Megabyte;

    /// <summary>Bytes in the largest unit (of 1024) that leaves a whole digit.</summary>
    public static string Bytes(long bytes)
    {
        string[] units = ["B", "KB", "MB", "GB", "TB", "PB", "EB"];
        int unit = 0;
        double size = bytes;
        for (; Math.Abs(size) >= 1023.95 && unit < units.Length - 1; unit++)
            size /= 1024;
        return $"{size.ToString(unit == 0 ? "0" : "0.0", CultureInfo.InvariantCulture)} {units[unit]}";
    }

    /// <summary>A share of one in percent; empty for none.</summary>
    public static string Percent(double? share) => share is { } value && double.IsFinite(value) ? string.Create(CultureInfo.InvariantCulture, $"{value * 100:0.0} %") : "";

    /// <summary>A number with four digits; empty for none.</summary>
    public static string Number(double? number) => number switch
    {
        null => "",
        0 => "0",
        >= 10000 and < 1e15 when Math.Floor(number.Value) == number.Value => number.Value.ToString("N0", CultureInfo.InvariantCulture),
        >= 0.001 and < 10000 => number.Value.ToString("0.####", CultureInfo.InvariantCulture),
        _ => number.Value.ToString("0.00e+00", CultureInfo.InvariantCulture),
    };

    /// <summary>Seconds as milliseconds with four digits.</summary>
    public static string Milliseconds(double seconds) => Number(seconds * 1000);

    /// <summary>A number and its noun.</summary>
    public static string Plural(long count, string noun) => $"{Count(count)} {noun}{(count == 1 ? "" : "s")}";

    /// <summary>A name as far as a plot has room, with what tells it from its neighbours.</summary>
    public static string Short(string name) => ShortName.Of(name, ShortName.Longest);
}
