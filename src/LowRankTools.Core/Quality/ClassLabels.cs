using System.Globalization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Tokens;
using LowRankTools.Formats.IO;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Quality;

/// <summary>The right classes of the lines of a text: a file with one a line, as a number from 0 on or as the name that the model's <c>config.json</c> gives it.</summary>
internal static class ClassLabels
{
    private const string Names = "label2id";

    /// <summary>Reads the classes of some sequences.</summary>
    /// <param name="path">The file; line n has the class of line n of the text.</param>
    /// <param name="source">The model whose names they are.</param>
    /// <param name="config">Its network.</param>
    /// <param name="sequences">What is read of the text, one sequence a line.</param>
    /// <returns>The class of each sequence.</returns>
    /// <exception cref="LowRankToolsException"><c>InputInvalid</c>: the network has no classes; <c>TextInvalid</c>: a line is missing or says no class; <c>ConfigInvalid</c>.</exception>
    public static int[] Read(string path, ModelSource source, TransformerConfig config, IReadOnlyList<TokenSequence> sequences)
    {
        if (config.Classes == 0)
            throw new LowRankToolsException(CoreErrors.InputInvalid, $"{source.Path}: the network ({config.ModelType}) has no head for classes, and labels say nothing of it.", "Leave the labels out, or name a model with a classifier.");
        ConfigFile? names = SiblingPath.Companion(Path.GetDirectoryName(source.Path)!, ConfigFile.FileName) is { } file ? ConfigFile.Read(file).Inner(Names) : null;
        Dictionary<int, int> places = [];
        for (int i = 0; i < sequences.Count; i++)
            places[sequences[i].Line] = i;
        int[] classes = new int[sequences.Count];
        Array.Fill(classes, -1);
        foreach ((int number, string line) in InputLines.Read(path))
        {
            if (places.TryGetValue(number, out int place))
                classes[place] = Class(path, number, line.Trim(), names, config.Classes);
        }
        int missing = Array.IndexOf(classes, -1);
        return missing < 0 ? classes : throw Invalid(path, $"there is no line {sequences[missing].Line}, whose text has none then");
    }

    private static int Class(string path, int number, string label, ConfigFile? names, int count)
    {
        int found = names?.Has(label) == true ? names.Int(label) : int.TryParse(label, NumberStyles.None, CultureInfo.InvariantCulture, out int written) ? written : -1;
        return found >= 0 && found < count ? found
            : throw Invalid(path, $"line {number} has '{(label.Length > 40 ? label[..40] + "..." : label)}', which is none of the model's {count} classes");
    }

    private static LowRankToolsException Invalid(string path, string problem) =>
        new(CoreErrors.TextInvalid, $"{path}: {problem}.", "Give one label a line, as a number from 0 on or as config.json's label2id names it.");
}
