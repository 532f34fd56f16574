namespace LowRankTools.Formats.Tokens;

/// <summary>How words are cut into tokens.</summary>
public enum TokenizerKind
{
    /// <summary>The longest piece that fits, from the left: BERT's.</summary>
    WordPiece,

    /// <summary>Neighbours are merged, the most frequent pair first, over bytes: GPT-2's, Llama 3's.</summary>
    BytePairs,
}

/// <summary>A tokenizer as its files describe it, read and held to bounds.</summary>
public sealed record TokenizerDefinition
{
    /// <summary>How words are cut.</summary>
    public required TokenizerKind Kind { get; init; }

    /// <summary>Every token by its id: no gaps, no doubles.</summary>
    public required IReadOnlyList<string> Vocabulary { get; init; }

    /// <summary>Pairs that are merged, the first ones first, two tokens with a blank between them; of byte pairs only.</summary>
    public IReadOnlyList<string> Merges { get; init; } = [];

    /// <summary>How text is cut into words, as a regular expression; null for GPT-2's. Of byte pairs only.</summary>
    public string? Words { get; init; }

    /// <summary>Whether a blank goes before the text where it has none. Of byte pairs only.</summary>
    public bool BlankFirst { get; init; }

    /// <summary>Whether text is lowered first. Of word pieces only.</summary>
    public bool LowerCase { get; init; }

    /// <summary>Whether accents are taken off. Of word pieces only.</summary>
    public bool StripAccents { get; init; }

    /// <summary>Whether each Chinese character is a word. Of word pieces only.</summary>
    public bool ChineseCharacters { get; init; } = true;

    /// <summary>The token of what has none. Of word pieces only.</summary>
    public string Unknown { get; init; } = "[UNK]";

    /// <summary>Ids before every text.</summary>
    public IReadOnlyList<int> First { get; init; } = [];

    /// <summary>Ids behind every text.</summary>
    public IReadOnlyList<int> Last { get; init; } = [];
}
