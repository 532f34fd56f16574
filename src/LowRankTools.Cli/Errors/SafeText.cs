using System.Globalization;
using System.Text;

namespace LowRankTools.Cli;

/// <summary>
/// Names of tensors come out of files that anyone may have made: control characters in them must not reach the screen.
/// </summary>
internal static class SafeText
{
    /// <summary>The text on one line, control characters spelt out as <c>\u001B</c>.</summary>
    public static string Line(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\0', '\u001F') && !text.AsSpan().ContainsAnyInRange('\u007F', '\u009F'))
            return text;
        StringBuilder safe = new(text.Length + 16);
        foreach (char c in text)
        {
            if (c is '\n' or '\r' or '\t')
                safe.Append(' ');
            else if (char.IsControl(c))
                safe.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}");
            else
                safe.Append(c);
        }
        return safe.ToString();
    }
}
