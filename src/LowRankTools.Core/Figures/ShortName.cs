using System.Text;
using System.Text.RegularExpressions;

namespace LowRankTools.Core.Figures;

/// <summary>Long names for narrow columns and plots: what layers have in common is cut, what tells them apart stays.</summary>
public static partial class ShortName
{
    /// <summary>Longest name in a table or plot: leaves room for the figures at a width of 120.</summary>
    public const int Longest = 44;

    private const char Cut = '\u2026';

    /// <summary>
    /// The name, or its parts (between dots or slashes) from the first on, each cut to one letter until the rest fits. A part with
    /// a digit in it counts layers and stays, as the last one does: rows of one table differ there. Where that is too long, these and the end stand whole with gaps between them, and where even that is, the end alone.
    /// </summary>
    /// <param name="name">Name of a layer or a model.</param>
    /// <param name="longest">Most characters.</param>
    /// <returns>At most <paramref name="longest"/> characters; the name itself where it fits.</returns>
    public static string Of(string name, int longest)
    {
        if (name.Length <= longest)
            return name;
        StringBuilder shortened = new();
        int length = name.Length;
        for (int start = 0; start < name.Length;)
        {
            int end = name.AsSpan(start).IndexOfAny('.', '/');
            int next = end < 0 ? name.Length : start + end;
            ReadOnlySpan<char> part = name.AsSpan(start, next - start);
            if (length > longest && next < name.Length && part.Length > 2 && !part.ContainsAnyInRange('0', '9'))
            {
                shortened.Append(part[0]).Append(Cut);
                length -= part.Length - 2;
            }
            else
            {
                shortened.Append(part);
            }
            if (next < name.Length)
                shortened.Append(name[next]);
            start = next + 1;
        }
        if (shortened.Length <= longest)
            return shortened.ToString();
        return WithGaps(name, longest) ?? string.Concat(Cut.ToString(), name.AsSpan(name.Length - longest + 1));
    }

    /// <summary>The parts with digits, the last one, and as much before it as fits; what is left out is one sign each time. Null where that does not fit.</summary>
    private static string? WithGaps(string name, int longest)
    {
        string[] parts = Parts().Split(name);
        bool[] kept = [.. parts.Select((part, i) => i == parts.Length - 1 || part.Any(char.IsAsciiDigit))];
        string? best = Joined();
        for (int i = parts.Length - 2; best is not null && i >= 0; i--)
        {
            if (kept[i])
                continue;
            kept[i] = true;
            if (Joined() is { } longer)
            {
                best = longer;
                continue;
            }
            kept[i] = false;
            // Rows that differ in this part alone stay apart by its first letters.
            bool among = i > 0 && !kept[i - 1];
            int room = longest - best.Length - (among ? 2 : 0);
            return room > 0 ? Joined(i, string.Concat(among ? $"{Cut}{parts[i - 1][^1]}" : "", parts[i].AsSpan(0, Math.Min(room, parts[i].Length - 1)))) ?? best : best;
        }
        return best;

        string? Joined(int beginning = -1, string begun = "")
        {
            StringBuilder text = new();
            for (int i = 0; i < parts.Length; i++)
            {
                if (kept[i])
                    text.Append(parts[i]);
                else if (kept[i + 1])
                    text.Append(i == beginning ? begun : "").Append(Cut).Append(parts[i][^1]);
            }
            return text.Length <= longest ? text.ToString() : null;
        }
    }

    /// <summary>Behind every dot and slash.</summary>
    [GeneratedRegex("(?<=[./])")]
    private static partial Regex Parts();
}
