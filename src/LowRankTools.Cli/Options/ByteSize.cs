using System.CommandLine;
using System.Globalization;

namespace LowRankTools.Cli.Options;

/// <summary>Sizes as PowerShell's literals mean them: <c>5GB</c> and <c>500MB</c> are units of 1024, as <c>5GiB</c> is; plain bytes.</summary>
internal static class ByteSize
{
    private static readonly (string Suffix, long Factor)[] s_units =
    [
        ("KIB", 1L << 10), ("MIB", 1L << 20), ("GIB", 1L << 30), ("TIB", 1L << 40),
        ("KB", 1L << 10), ("MB", 1L << 20), ("GB", 1L << 30), ("TB", 1L << 40),
        ("B", 1),
    ];

    /// <summary>An option that takes a size.</summary>
    public static Option<long> Option(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "size",
        CustomParser = result =>
        {
            if (!TryParse(result.Tokens[0].Value, out long bytes))
                result.AddError($"'{result.Tokens[0].Value}' is no size: write 5GB, 500MB or plain bytes.");
            return bytes;
        },
    };

    /// <summary>Reads a size of at least one byte.</summary>
    public static bool TryParse(string text, out long bytes)
    {
        bytes = 0;
        string upper = text.Trim().ToUpperInvariant();
        long factor = 1;
        foreach ((string suffix, long unit) in s_units)
        {
            if (!upper.EndsWith(suffix, StringComparison.Ordinal))
                continue;
            upper = upper[..^suffix.Length].TrimEnd();
            factor = unit;
            break;
        }
        if (!decimal.TryParse(upper, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal number))
            return false;
        try
        {
            bytes = decimal.ToInt64(decimal.Truncate(number * factor));
        }
        catch (OverflowException)
        {
            return false;
        }
        return bytes > 0;
    }
}
