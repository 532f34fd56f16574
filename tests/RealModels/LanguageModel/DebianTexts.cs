using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using LowRankTools.Networks.Training;

namespace LowRankTools.LanguageModel;

/// <summary>
/// Natural English out of unpacked packages: the paragraphs of HTML pages and the texts of fortune files. A line of what is written holds about
/// a sequence's worth of one page or file, so that a network that reads line by line reads connected text.
/// </summary>
internal static partial class DebianTexts
{
    private const int LineCharacters = 1000, ShortestParagraph = 40;

    /// <summary>Lines that are held back, by what they are for; the others train.</summary>
    private static readonly (string Name, int Lines)[] s_heldBack = [("judge.txt", 200), ("select.txt", 200), ("validate.txt", 60), ("calibrate.txt", 1500)];

    /// <summary>Reads all pages and fortunes below a folder and writes train.txt, and beside it what is held back: no paragraph is in two of the files.</summary>
    /// <param name="packages">Folder of unpacked packages.</param>
    /// <param name="target">Folder of the texts.</param>
    /// <returns>Lines of each file.</returns>
    public static IReadOnlyList<(string Name, int Lines)> Write(string packages, string target)
    {
        HashSet<string> seen = new(StringComparer.Ordinal);
        List<string> lines = [];
        foreach (IGrouping<string, (string File, string Text)> file in Paragraphs(packages).GroupBy(p => p.File))
            lines.AddRange(Joined(file.Select(p => p.Text).Where(p => p.Length >= ShortestParagraph && seen.Add(p))));
        List<string> order = [.. new DataOrder(1, lines.Count).Take(0, lines.Count).Select(i => lines[i])];
        Directory.CreateDirectory(target);
        List<(string, int)> written = [];
        foreach ((string name, int count) in s_heldBack)
        {
            // Of a small text a twentieth for each purpose.
            int taken = Math.Min(count, lines.Count / 20);
            File.WriteAllLines(Path.Combine(target, name), order.Take(taken));
            order.RemoveRange(0, taken);
            written.Add((name, taken));
        }
        File.WriteAllLines(Path.Combine(target, "train.txt"), order);
        return [.. written, ("train.txt", order.Count)];
    }

    /// <summary>The paragraphs and fortunes below a folder as plain lines, each with its file, in the files' order.</summary>
    public static IEnumerable<(string File, string Text)> Paragraphs(string packages) =>
        Directory.EnumerateFiles(packages, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).SelectMany(file => Raw(file).Select(p => (file, Plain(p))));

    private static IEnumerable<string> Raw(string file)
    {
        if (file.EndsWith(".html", StringComparison.Ordinal))
            return Paragraph().Matches(File.ReadAllText(file)).Select(m => WebUtility.HtmlDecode(Tag().Replace(m.Groups[1].Value, " ")));

        // strfile's index lies beside every file of fortunes, and a % on a line of its own parts them.
        return File.Exists(file + ".dat") && !file.EndsWith("ascii-art", StringComparison.Ordinal) ? File.ReadAllText(file).Split("\n%\n") : [];
    }

    /// <summary>ASCII on one line; empty where much of a text would be lost, or where it is a drawing more than a text.</summary>
    private static string Plain(string paragraph)
    {
        StringBuilder text = new();
        foreach (char c in paragraph.Replace('\u2019', '\'').Replace('\u2018', '\'').Replace('\u201c', '"').Replace('\u201d', '"').Replace('\u2013', '-').Replace('\u00a0', ' '))
            text.Append(c < 128 ? c : '?');
        string line = Blank().Replace(text.ToString(), " ").Trim();
        return line.Count(c => char.IsAsciiLetter(c) || c == ' ') > 0.9 * line.Length ? line : "";
    }

    private static IEnumerable<string> Joined(IEnumerable<string> paragraphs)
    {
        StringBuilder line = new();
        foreach (string paragraph in paragraphs)
        {
            line.Append(line.Length == 0 ? "" : " ").Append(paragraph);
            if (line.Length < LineCharacters)
                continue;
            yield return line.ToString();
            line.Clear();
        }
        if (line.Length > 0)
            yield return line.ToString();
    }

    [GeneratedRegex(@"<(?:p|li|blockquote)\b[^>]*>(.*?)</(?:p|li|blockquote)>", RegexOptions.Singleline | RegexOptions.IgnoreCase)]
    private static partial Regex Paragraph();

    [GeneratedRegex("<[^>]*>")]
    private static partial Regex Tag();

    [GeneratedRegex(@"[\s\x00-\x1f]+")]
    private static partial Regex Blank();
}
