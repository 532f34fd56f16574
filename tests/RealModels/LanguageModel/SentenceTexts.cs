using System.Text.RegularExpressions;
using LowRankTools.Networks.Training;

namespace LowRankTools.LanguageModel;

/// <summary>
/// Sentences of unpacked packages, one a line, for sentence encoders: those of fortunes judge, select and are fitted on, and with those of HTML pages they train.
/// No sentence is in two files, and none that is fitted or trained on shares five words in a row with one that judges or selects; train.txt holds fit.txt's too.
/// </summary>
internal static partial class SentenceTexts
{
    private const int Shortest = 20, Longest = 300, Judging = 500, Selecting = 300, WordsInARow = 5;

    /// <summary>Writes judge.txt, select.txt, fit.txt and train.txt.</summary>
    /// <param name="packages">Folder of unpacked packages.</param>
    /// <param name="target">Folder of the texts.</param>
    /// <returns>Lines of each file.</returns>
    public static IReadOnlyList<(string Name, int Lines)> Write(string packages, string target)
    {
        List<string> fortunes = [], pages = [];
        HashSet<string> seen = new(StringComparer.Ordinal);
        foreach ((string file, string paragraph) in DebianTexts.Paragraphs(packages))
            (file.EndsWith(".html", StringComparison.Ordinal) ? pages : fortunes).AddRange(Sentences(paragraph).Where(seen.Add));
        List<string> order = Shuffled(fortunes), judge = order[..Judging], select = order[Judging..(Judging + Selecting)];
        HashSet<string> kept = [.. judge.Concat(select).SelectMany(Runs)];
        List<string> fit = [.. order.Skip(Judging + Selecting).Where(s => !Runs(s).Any(kept.Contains))];
        List<string> train = Shuffled([.. fit, .. pages.Where(s => !Runs(s).Any(kept.Contains))]);
        Directory.CreateDirectory(target);
        (string Name, List<string> Lines)[] files = [("judge.txt", judge), ("select.txt", select), ("fit.txt", fit), ("train.txt", train)];
        foreach ((string name, List<string> lines) in files)
            File.WriteAllLines(Path.Combine(target, name), lines);
        return [.. files.Select(f => (f.Name, f.Lines.Count))];
    }

    private static IEnumerable<string> Sentences(string paragraph) =>
        // Who said it stands behind two dashes, and is no sentence.
        End().Split(paragraph.Split(" -- ")[0]).Select(s => s.Trim()).Where(s => s.Length is >= Shortest and <= Longest);

    private static List<string> Shuffled(List<string> lines) => [.. new DataOrder(1, lines.Count).Take(0, lines.Count).Select(i => lines[i])];

    private static IEnumerable<string> Runs(string sentence)
    {
        string[] words = [.. Word().Matches(sentence).Select(m => m.Value.ToLowerInvariant())];
        return Enumerable.Range(0, Math.Max(0, words.Length - WordsInARow + 1)).Select(i => string.Join(' ', words, i, WordsInARow));
    }

    [GeneratedRegex("(?<=[.!?][\"')]?)\\s+(?=[\"'(]?[A-Z])")]
    private static partial Regex End();

    [GeneratedRegex("[A-Za-z']+")]
    private static partial Regex Word();
}
