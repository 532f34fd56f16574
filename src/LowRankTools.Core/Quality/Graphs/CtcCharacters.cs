using System.Text;
using LowRankTools.Core.Engines.OnnxRuntime;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Quality.Graphs;

/// <summary>
/// Texts of outputs that were trained by connectionist temporal classification (Graves, Fernández, Gomez, Schmidhuber, ICML 2006), read
/// greedily: of each time step the class with the highest score, repetitions as one, blanks left out. The blank is class 0, and class n the
/// character of line n; where there is one class more, the last one is a blank between words, as PaddleOCR has it.
/// </summary>
internal sealed class CtcCharacters
{
    private const int MostBytes = 16 << 20, Blank = 0;

    private readonly string[] _characters;

    private CtcCharacters(string path, string[] characters) => (Path, _characters) = (path, characters);

    /// <summary>Full path of the file.</summary>
    public string Path { get; }

    /// <summary>Reads a file with one character a line; only line ends are cut off.</summary>
    /// <param name="path">The file, UTF-8.</param>
    /// <exception cref="LowRankToolsException"><c>TextInvalid</c>: it is empty, too long or no UTF-8.</exception>
    public static CtcCharacters Read(string path)
    {
        byte[] bytes = RegularFile.ReadAllBytes(path, MostBytes) ?? throw Invalid(path, $"it is longer than {MostBytes} bytes");
        try
        {
            string text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes).TrimStart('\uFEFF');
            string[] lines = [.. (text.EndsWith('\n') ? text[..^1] : text).Split('\n').Select(line => line.TrimEnd('\r'))];
            return lines.Any(line => line.Length > 0) ? new CtcCharacters(System.IO.Path.GetFullPath(path), lines) : throw Invalid(path, "it holds no characters");
        }
        catch (DecoderFallbackException)
        {
            throw Invalid(path, "it is no UTF-8");
        }
    }

    /// <summary>Whether an output has classes for these characters: (texts, steps, classes).</summary>
    public bool Fits(OnnxValue output) => output.Type.IsFloat() && output.Sizes.Length == 3 && output.Sizes[2] - _characters.Length is 1 or 2;

    /// <summary>The output that has them.</summary>
    /// <exception cref="LowRankToolsException"><c>CharactersDoNotFit</c>.</exception>
    public int OutputAmong(IReadOnlyList<OnnxValue> outputs)
    {
        for (int i = 0; i < outputs.Count; i++)
        {
            if (Fits(outputs[i]))
                return i;
        }
        throw new LowRankToolsException(CoreErrors.CharactersDoNotFit,
            $"{Path}: it has {_characters.Length} characters, for {_characters.Length + 1} or {_characters.Length + 2} classes, and the outputs are {string.Join(", ", outputs.Select(o => OnnxPort.Text(o.Sizes)))}.",
            "Give the file that the model was trained with, one character a line, for an output of texts x steps x classes.");
    }

    /// <summary>Characters of each text, by their classes.</summary>
    /// <param name="scores">Scores, (texts, steps, classes).</param>
    /// <param name="sizes">These sizes.</param>
    public static int[][] Decode(ReadOnlySpan<double> scores, IReadOnlyList<long> sizes)
    {
        (int texts, int steps, int classes) = ((int)sizes[0], (int)sizes[1], (int)sizes[2]);
        int[][] decoded = new int[texts][];
        for (int text = 0; text < texts; text++)
        {
            List<int> said = [];
            int last = Blank;
            for (int step = 0; step < steps; step++)
            {
                int best = OutputComparison.Largest(scores.Slice((text * steps + step) * classes, classes));
                if (best != Blank && best != last)
                    said.Add(best);
                last = best;
            }
            decoded[text] = [.. said];
        }
        return decoded;
    }

    /// <summary>Classes as text.</summary>
    public string Text(IEnumerable<int> classes) => string.Concat(classes.Select(c => c <= _characters.Length ? _characters[c - 1] : " "));

    /// <summary>Fewest insertions, deletions and replacements that make one sequence of another (Levenshtein, 1966).</summary>
    public static int Distance(ReadOnlySpan<int> from, ReadOnlySpan<int> to)
    {
        int[] row = [.. Enumerable.Range(0, to.Length + 1)];
        for (int i = 0; i < from.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i + 1;
            for (int j = 0; j < to.Length; j++)
            {
                int replaced = diagonal + (from[i] == to[j] ? 0 : 1);
                diagonal = row[j + 1];
                row[j + 1] = Math.Min(replaced, Math.Min(row[j], diagonal) + 1);
            }
        }
        return row[^1];
    }

    private static LowRankToolsException Invalid(string path, string problem) => new(CoreErrors.TextInvalid, $"{path}: {problem}.", "Give one character a line, in UTF-8.");
}
