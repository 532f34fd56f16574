using System.Globalization;
using System.Text;

namespace LowRankTools.Core.Text;

/// <summary>
/// Names of tensors and files come from anyone: what controls a screen, or turns the direction of the text so that it reads
/// as something else, must not reach it.
/// </summary>
public static class SafeText
{
    /// <summary>
    /// The text on one line: control and format characters (escape sequences, marks of direction, invisible ones), separators
    /// of lines and halves of surrogate pairs spelt out as <c>\u202E</c>; line breaks and tabs as blanks.
    /// </summary>
    public static string Line(string text)
    {
        if (!text.AsSpan().ContainsAnyExceptInRange(' ', '~'))
            return text;
        StringBuilder safe = new(text.Length + 16);
        for (int i = 0; i < text.Length;)
        {
            bool whole = Rune.TryGetRuneAt(text, i, out Rune rune);
            ReadOnlySpan<char> units = text.AsSpan(i, whole ? rune.Utf16SequenceLength : 1);
            i += units.Length;
            if (text[i - 1] is '\n' or '\r' or '\t')
                safe.Append(' ');
            else if (whole && !IsInvisible(rune))
                safe.Append(units);
            else
                Escape(safe, units);
        }
        return safe.ToString();
    }

    private static bool IsInvisible(Rune rune) => Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;

    private static void Escape(StringBuilder safe, ReadOnlySpan<char> units)
    {
        foreach (char unit in units)
            safe.Append(CultureInfo.InvariantCulture, $"\\u{(int)unit:X4}");
    }
}
