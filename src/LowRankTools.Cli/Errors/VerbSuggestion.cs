using System.CommandLine;

namespace LowRankTools.Cli.Errors;

/// <summary>The verb that was probably meant by one that does not exist.</summary>
internal static class VerbSuggestion
{
    private const int MostEdits = 2;

    /// <summary>The nearest verb; null where none is near.</summary>
    public static string? For(ParseResult parsed)
    {
        string? typed = parsed.UnmatchedTokens.Count > 0 ? parsed.UnmatchedTokens[0] : null;
        return typed is null ? null : parsed.RootCommandResult.Command.Subcommands.Select(c => (c.Name, Edits: Distance(typed, c.Name)))
            .Where(c => c.Edits <= MostEdits).OrderBy(c => c.Edits).Select(c => c.Name).FirstOrDefault();
    }

    /// <summary>Edit distance (Levenshtein, 1966): letters to insert, delete or replace.</summary>
    private static int Distance(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, 1 + Math.Min(row[j], row[j - 1]));
            }
        }
        return row[^1];
    }
}
