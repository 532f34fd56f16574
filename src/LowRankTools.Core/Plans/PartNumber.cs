using System.Globalization;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Plans;

/// <summary>One part of how many, counted from one: <c>3/16</c>.</summary>
/// <param name="Number">From 1 to <paramref name="Of"/>.</param>
/// <param name="Of">Parts in all.</param>
public readonly record struct PartNumber(int Number, int Of)
{
    /// <summary>More parts than any scheduler has machines for.</summary>
    private const int Most = 100_000;

    /// <summary>Reads <c>3/16</c>.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    public static PartNumber Parse(string text)
    {
        string[] numbers = text.Split('/');
        return numbers.Length == 2 && Read(numbers[0]) is { } number && Read(numbers[1]) is { } of && number <= of ? new PartNumber(number, of)
            : throw new LowRankToolsException(CoreErrors.OptionInvalid, $"'{text}' is no part.", $"Write 3/16 for the third of sixteen; at most {Most} are counted.");
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Number}/{Of}");

    private static int? Read(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number is >= 1 and <= Most ? number : null;
}
