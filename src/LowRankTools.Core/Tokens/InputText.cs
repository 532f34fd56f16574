namespace LowRankTools.Core.Tokens;

/// <summary>Where the inputs of a network come from: exactly one of the two.</summary>
public sealed record InputText
{
    /// <summary>A text file, UTF-8, one text a line, tokenized by what lies beside the model; empty lines are passed over.</summary>
    public string? TextPath { get; init; }

    /// <summary>A file of token ids, one sequence a line, with blanks or commas between them.</summary>
    public string? TokenPath { get; init; }

    /// <summary>Most lines that are used, from the first on; null for all.</summary>
    public int? MaxLines { get; init; }

    /// <summary>Most tokens of a sequence; null for the network's positions, 512 at most.</summary>
    public int? SequenceLength { get; init; }

    /// <summary>Numbers of the lines that are used, from 1 on; null for all.</summary>
    internal IReadOnlySet<int>? Lines { get; init; }

    /// <summary>The file.</summary>
    internal string File => TextPath ?? TokenPath!;

    /// <summary>Refuses what makes no input.</summary>
    /// <exception cref="LowRankTools.Numerics.LowRankToolsException"><c>OptionInvalid</c>, <c>PathNotFound</c>.</exception>
    public void Validate()
    {
        if ((TextPath is null) == (TokenPath is null))
            throw new LowRankTools.Numerics.LowRankToolsException(CoreErrors.OptionInvalid, "Give a text file or a token file, and not both.");
        if (MaxLines < 1 || SequenceLength < 2)
            throw new LowRankTools.Numerics.LowRankToolsException(CoreErrors.OptionInvalid, "At least one line and two tokens of a sequence are needed.");
        if (!System.IO.File.Exists(File))
            throw new LowRankTools.Numerics.LowRankToolsException(CoreErrors.PathNotFound, $"There is no file '{File}'.");
    }
}
