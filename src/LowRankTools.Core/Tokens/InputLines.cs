using System.Text;
using LowRankTools.Formats.IO;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tokens;

/// <summary>Lines of a text file, read one by one, each held to a length.</summary>
internal static class InputLines
{
    /// <summary>Characters of a line at most: a file without line ends is not the text of one sequence.</summary>
    private const int MostCharacters = 10_000_000;

    /// <summary>The lines with their numbers, from 1 on.</summary>
    /// <exception cref="LowRankToolsException"><c>TextInvalid</c>: no UTF-8, or a line that is too long.</exception>
    public static IEnumerable<(int Number, string Line)> Read(string path)
    {
        using FileStream file = new(RegularFile.OpenRead(path), FileAccess.Read);
        using StreamReader reader = new(file, new UTF8Encoding(false, throwOnInvalidBytes: true));
        StringBuilder line = new();
        for (int number = 1; ; number++)
        {
            bool any = Next(reader, line, path, number);
            if (!any && line.Length == 0)
                yield break;
            yield return (number, line.ToString());
        }
    }

    /// <summary>An error about a line.</summary>
    public static LowRankToolsException Invalid(string path, int line, string problem, Exception? inner = null) =>
        new(CoreErrors.TextInvalid, $"{path}: line {line} {problem}.", "Give a text file in UTF-8, one text a line, or a file of token ids, one sequence a line.", inner);

    /// <summary>Whether the line had an end, as all but the last one have.</summary>
    private static bool Next(StreamReader reader, StringBuilder line, string path, int number)
    {
        line.Clear();
        try
        {
            for (int c = reader.Read(); c >= 0; c = reader.Read())
            {
                if (c == '\n')
                    return true;
                if (c != '\r')
                    line.Append((char)c);
                if (line.Length > MostCharacters)
                    throw Invalid(path, number, $"has more than {MostCharacters} characters");
            }
            return false;
        }
        catch (DecoderFallbackException e)
        {
            throw Invalid(path, number, "or the next one is no UTF-8", e);
        }
    }
}
