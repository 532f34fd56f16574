namespace LowRankTools.Formats.Tokens;

/// <summary>Turns text into the token ids that a model was trained on.</summary>
public interface ITokenizer
{
    /// <summary>The ids of one text, those that a model wants at its ends included; empty where the text holds nothing.</summary>
    int[] Encode(string text);
}

/// <summary>Makes tokenizers: the contract of the assembly that brings a library for it.</summary>
public interface ITokenizerFactory
{
    /// <summary>A tokenizer of a definition.</summary>
    /// <exception cref="ArgumentException">The library refuses the definition.</exception>
    ITokenizer Create(TokenizerDefinition definition);
}
