using System.Globalization;
using LowRankTools.Core.Models;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tokens;

/// <summary>A text as a network reads it: sequences of token ids.</summary>
/// <param name="Path">Full path of the file.</param>
/// <param name="Lines">Lines that held something.</param>
/// <param name="CutLines">Lines that were longer than a sequence: an encoder reads their beginning, a language model all of them, part by part.</param>
/// <param name="Sequences">Token ids of each sequence.</param>
internal sealed record TokenText(string Path, int Lines, int CutLines, IReadOnlyList<TokenSequence> Sequences)
{
    /// <summary>Tokens of a sequence where nobody says.</summary>
    public const int DefaultLength = 512;

    /// <summary>Tokens of one file at most: their ids alone take 4 GB.</summary>
    private const long MostTokens = 1_000_000_000;

    /// <summary>Tokens of all sequences.</summary>
    public long Tokens => Sequences.Sum(s => (long)s.Ids.Length);

    /// <summary>Reads and tokenizes a file.</summary>
    /// <param name="input">The file.</param>
    /// <param name="source">The model whose tokenizer is used.</param>
    /// <param name="config">What network it is.</param>
    /// <param name="progress">Told about every thousandth line.</param>
    /// <param name="cancellationToken">Stops between lines.</param>
    /// <exception cref="LowRankToolsException"><c>TextInvalid</c>, <c>InputInvalid</c>: a token that the network does not know; <c>ArchitectureUnsupported</c>: it reads
    /// no text; and those of <see cref="TokenizerCatalog"/>.</exception>
    public static TokenText Read(InputText input, ModelSource source, TransformerConfig config, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        input.Validate();
        if (config.Input != NetworkInput.Tokens)
            throw new LowRankToolsException(CoreErrors.ArchitectureUnsupported, $"{source.Path}: the network ({config.ModelType}) does not read one sequence of tokens.", "Encoders, sentence encoders and language models are run on texts.");
        int length = Math.Min(input.SequenceLength ?? DefaultLength, config.MaxTokens ?? int.MaxValue);
        ModelTokenizer? tokenizer = input.TextPath is null ? null : TokenizerCatalog.Open(source, config);
        List<TokenSequence> sequences = [];
        int lines = 0, cut = 0;
        long tokens = 0;
        foreach ((int number, string line) in InputLines.Read(input.File))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (input.Lines?.Contains(number) == false)
                continue;
            int[] ids = tokenizer is null ? Ids(line, input.File, number) : tokenizer.Encoder.Encode(line);
            if (ids.Length == 0)
                continue;
            int wrong = ids.FirstOrDefault(id => id >= config.TokenCount, -1);
            if (wrong >= 0)
                throw new LowRankToolsException(CoreErrors.InputInvalid, $"{input.File}: line {number} has the token {wrong}; the network knows 0 to {config.TokenCount - 1}.", "Use the model's own tokenizer.");
            if (lines % 1000 == 0)
                progress?.Report(new OperationProgress("Tokenizing", $"line {number}", lines, input.MaxLines ?? 0));
            lines++;
            cut += ids.Length > length ? 1 : 0;
            if ((tokens += ids.Length) > MostTokens)
                throw InputLines.Invalid(input.File, number, $"is beyond {MostTokens} tokens");
            sequences.AddRange(config.PredictsNextToken ? Parts(ids, length, number) : [new TokenSequence(number, Beginning(ids, length, tokenizer?.Last ?? 0))]);
            if (lines == input.MaxLines)
                break;
        }
        if (sequences.Count == 0)
            throw new LowRankToolsException(CoreErrors.TextInvalid, $"{input.File}: the file holds no text.", "Give a file with one text a line.");
        return new TokenText(System.IO.Path.GetFullPath(input.File), lines, cut, sequences);
    }

    private static int[] Ids(string line, string path, int number)
    {
        string[] words = line.Trim().TrimStart('[').TrimEnd(']').Split([' ', ',', '\t'], StringSplitOptions.RemoveEmptyEntries);
        int[] ids = new int[words.Length];
        for (int i = 0; i < ids.Length; i++)
        {
            if (!int.TryParse(words[i], NumberStyles.None, CultureInfo.InvariantCulture, out ids[i]))
                throw InputLines.Invalid(path, number, $"has '{(words[i].Length > 20 ? words[i][..20] + "..." : words[i])}', which is no token id");
        }
        return ids;
    }

    /// <summary>What is read of a long line: its beginning, and the ids that stand behind every text.</summary>
    private static int[] Beginning(int[] ids, int length, int last) => ids.Length <= length ? ids : [.. ids.Take(length - last), .. ids.TakeLast(last)];

    private static IEnumerable<TokenSequence> Parts(int[] ids, int length, int line) => ids.Chunk(length).Select(part => new TokenSequence(line, part));
}

/// <summary>A sequence of tokens.</summary>
/// <param name="Line">Number of its line in the file, from 1 on.</param>
/// <param name="Ids">Token ids, at least one.</param>
internal sealed record TokenSequence(int Line, int[] Ids);
