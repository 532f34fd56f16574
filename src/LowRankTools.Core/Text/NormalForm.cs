using System.Globalization;
using System.Text;

namespace LowRankTools.Core.Text;

/// <summary>
/// Unicode's normal forms D and KC (Unicode Standard Annex 15) by tables of the product's own: a program that is invariant of countries has none, and
/// tokens must not depend on which version of them a machine has.
/// </summary>
internal static class NormalForm
{
    // Syllables of Hangul are composed by arithmetic: first consonants, vowels, last consonants.
    private const int Syllable = 0xAC00, First = 0x1100, Vowel = 0x1161, Last = 0x11A7, Firsts = 19, Vowels = 21, Lasts = 28;

    private static readonly Lazy<NormalFormTable> s_table = new(NormalFormTable.Read);

    /// <summary>Form D: characters with marks taken apart into letters and marks, the marks in canonical order.</summary>
    public static string D(string text) => Ascii.IsValid(text) ? text : Text(Apart(text, compatible: false));

    /// <summary>Form KC: what is compatible becomes the same characters, then what can be is composed.</summary>
    public static string KC(string text) => Ascii.IsValid(text) ? text : Text(Composed(Apart(text, compatible: true)));

    /// <summary>Form D without marks: accents gone, as BERT reads words.</summary>
    public static string WithoutMarks(string text) => Ascii.IsValid(text) ? text
        : Text([.. Apart(text, compatible: false).Where(c => CharUnicodeInfo.GetUnicodeCategory(c) != UnicodeCategory.NonSpacingMark)]);

    private static string Text(List<int> points)
    {
        StringBuilder text = new(points.Count);
        foreach (int point in points)
            text.Append(new Rune(point));
        return text.ToString();
    }

    private static List<int> Apart(string text, bool compatible)
    {
        List<int> points = new(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
            Append(points, rune.Value, compatible);
        Order(points);
        return points;
    }

    private static void Append(List<int> points, int point, bool compatible)
    {
        int syllable = point - Syllable;
        if (syllable is >= 0 and < Firsts * Vowels * Lasts)
        {
            points.Add(First + syllable / (Vowels * Lasts));
            points.Add(Vowel + syllable / Lasts % Vowels);
            if (syllable % Lasts > 0)
                points.Add(Last + syllable % Lasts);
        }
        else if (s_table.Value.Mappings.TryGetValue(point, out (int[] Into, bool Compatible) found) && (compatible || !found.Compatible))
        {
            foreach (int part in found.Into)
                Append(points, part, compatible);
        }
        else
        {
            points.Add(point);
        }
    }

    // Marks of one letter stand by class, those of one class as they stood.
    private static void Order(List<int> points)
    {
        NormalFormTable table = s_table.Value;
        for (int first = 0, end; first < points.Count; first = end)
        {
            for (end = first; end < points.Count && table.Class(points[end]) > 0; end++)
            {
            }
            if (end - first > 1)
            {
                int[] sorted = [.. points.GetRange(first, end - first).OrderBy(table.Class)];
                for (int i = first; i < end; i++)
                    points[i] = sorted[i - first];
            }
            end = Math.Max(end, first + 1);
        }
    }

    private static List<int> Composed(List<int> points)
    {
        NormalFormTable table = s_table.Value;
        List<int> made = new(points.Count);
        int starter = -1, before = 0;
        foreach (int point in points)
        {
            int kind = table.Class(point);
            // Blocked is what stands behind a mark of its own or a higher class, or behind a letter that is no neighbour.
            bool next = starter >= 0 && (made.Count == starter + 1 || before < kind && before > 0);
            if (next && Pair(table, made[starter], point) is { } composed)
            {
                made[starter] = composed;
                continue;
            }
            if (kind == 0)
                starter = made.Count;
            made.Add(point);
            before = kind;
        }
        return made;
    }

    private static int? Pair(NormalFormTable table, int first, int second)
    {
        if (first - First is >= 0 and < Firsts && second - Vowel is >= 0 and < Vowels)
            return Syllable + ((first - First) * Vowels + (second - Vowel)) * Lasts;
        if (first - Syllable is >= 0 and < Firsts * Vowels * Lasts && (first - Syllable) % Lasts == 0 && second - Last is > 0 and < Lasts)
            return first + (second - Last);
        return table.Pairs.TryGetValue((first, second), out int composed) ? composed : null;
    }
}
