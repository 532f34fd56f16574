namespace LowRankTools.Core.Quality.Graphs;

/// <summary>How well a graph of ONNX answers what its reference answers to the same inputs, both run by ONNX Runtime.</summary>
public sealed record GraphQuality
{
    /// <summary>Full path of the model: binds to the next cmdlet's -LiteralPath.</summary>
    public required string Path { get; init; }

    /// <summary>Name of the model.</summary>
    public required string Name { get; init; }

    /// <summary>Full path of the model that it is held against.</summary>
    public required string Reference { get; init; }

    /// <summary>Size of its files in bytes.</summary>
    public required long Bytes { get; init; }

    /// <summary>That of the reference.</summary>
    public required long ReferenceBytes { get; init; }

    /// <summary>Share of the reference's bytes.</summary>
    public double Kept => (double)Bytes / ReferenceBytes;

    /// <summary>What ran both, with its version.</summary>
    public required string Runtime { get; init; }

    /// <summary>What both were given: files, or random numbers with their sizes and seed.</summary>
    public required string Inputs { get; init; }

    /// <summary>How many times both were run on inputs of their own.</summary>
    public required int Samples { get; init; }

    /// <summary>Figures of each output, over all samples.</summary>
    public required IReadOnlyList<GraphOutputQuality> Outputs { get; init; }

    /// <summary>The largest relative error of an output.</summary>
    public double? RelativeError => Outputs.Max(o => o.RelativeError);

    /// <summary>The least cosine of an output.</summary>
    public double? Cosine => Outputs.Min(o => o.Cosine);

    /// <summary>The least agreement of an output.</summary>
    public double? Agreement => Outputs.Min(o => o.Agreement);

    /// <summary>Full path of the file of characters; null where none was given.</summary>
    public string? Characters { get; init; }

    /// <summary>What both say in these characters, one pair for each row of text; empty without characters.</summary>
    public IReadOnlyList<GraphText> Texts { get; init; } = [];

    /// <summary>Share of the texts that are equal; null without characters.</summary>
    public double? EqualTexts => Texts.Count == 0 ? null : Texts.Average(t => t.Distance == 0 ? 1.0 : 0);

    /// <summary>Insertions, deletions and replacements that the texts need to be the reference's, over the characters of the reference's; null where it says nothing.</summary>
    public double? CharacterErrorRate => Texts.Sum(t => (long)t.ReferenceLength) is > 0 and var characters ? Texts.Sum(t => (double)t.Distance) / characters : null;

    /// <summary>Median time of a run, in seconds; the first of several is not counted.</summary>
    public required double ForwardSeconds { get; init; }

    /// <summary>That of the reference; both run in turns.</summary>
    public required double ReferenceForwardSeconds { get; init; }

    /// <summary>Wall-clock time of everything, loading included.</summary>
    public required double Seconds { get; init; }
}

/// <summary>How far one output of a graph is from its reference's, over all samples.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Shape">Its sizes in the last sample.</param>
/// <param name="RelativeError">|| Y - Y_ref ||_F / || Y_ref ||_F; null where the reference answers zeros alone.</param>
/// <param name="Cosine">tr(Y^T Y_ref) / (|| Y ||_F || Y_ref ||_F); null where one of them is zero.</param>
/// <param name="LargestDifference">Largest absolute difference of two values.</param>
/// <param name="LargestValue">Largest absolute value of the reference.</param>
/// <param name="Rows">Rows along the last axis; 0 where that has one entry.</param>
/// <param name="Agreement">Share of the rows whose largest entry stands at the same place; null where there are none.</param>
public sealed record GraphOutputQuality(string Name, string Shape, double? RelativeError, double? Cosine, double LargestDifference, double LargestValue, long Rows, double? Agreement);

/// <summary>One text that two models read.</summary>
/// <param name="Sample">Number of the sample, from 1 on.</param>
/// <param name="Row">Number of the text in the sample, from 1 on.</param>
/// <param name="Reference">What the reference says.</param>
/// <param name="Text">What the model says.</param>
/// <param name="Distance">Levenshtein's distance of the two, in characters.</param>
/// <param name="ReferenceLength">Characters of the reference's.</param>
public sealed record GraphText(int Sample, int Row, string Reference, string Text, int Distance, int ReferenceLength);
