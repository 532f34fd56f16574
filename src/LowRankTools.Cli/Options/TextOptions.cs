using System.CommandLine;
using System.CommandLine.Parsing;
using LowRankTools.Core.Tokens;
using LowRankTools.Networks.Architectures;

namespace LowRankTools.Cli.Options;

/// <summary>What models are run on.</summary>
/// <param name="batchSize">Sequences at once where nobody says how many.</param>
/// <param name="batch">What a batch is.</param>
internal sealed class TextOptions(int batchSize = 16, string batch = "Sequences that run at once")
{
    private readonly Option<string?> _text = new("--text-path") { Description = "A text file in UTF-8, one text a line, tokenized by what lies beside the model.", HelpName = "file" };
    private readonly Option<string?> _tokens = new("--token-path") { Description = "A file of token ids in place of a text, one sequence a line.", HelpName = "file" };
    private readonly Option<int?> _lines = SharedOptions.Number<int>("--max-lines", "Most lines that are used; all by default.", n => n >= 1, "a number of lines is a whole number, at least 1");
    private readonly Option<int?> _length = SharedOptions.Number<int>("--sequence-length", "Most tokens of a sequence; the network's positions by default, 512 at most.", n => n >= 2, "a length is a whole number, at least 2");
    private readonly Option<int?> _batch = SharedOptions.Number<int>("--batch-size", $"{batch}; {batchSize} by default.", n => n >= 1, "a batch is a whole number, at least 1");
    private readonly Option<string?> _pooling = SharedOptions.Choice("--pooling", "How an encoder's embedding is made of its states; its own by default where it has one, else their mean.", Enum.GetNames<Pooling>());

    /// <summary>Whether a text or tokens were given.</summary>
    public bool IsGiven(ParseResult parsed) => parsed.GetResult(_text) is not null || parsed.GetResult(_tokens) is not null;

    /// <summary>Adds the options and the rule that there is one input.</summary>
    /// <param name="command">The verb.</param>
    /// <param name="isOptional">Whether there may be none.</param>
    public void AddTo(Command command, Func<CommandResult, bool>? isOptional = null)
    {
        foreach (Option option in (Option[])[_text, _tokens, _lines, _length, _batch, _pooling])
            command.Add(option);
        command.Validators.Add(result =>
        {
            if (result.GetResult(_text) is null && result.GetResult(_tokens) is null && isOptional?.Invoke(result) == true)
                return;
            if ((result.GetResult(_text) is null) == (result.GetResult(_tokens) is null))
                result.AddError("Give exactly one of --text-path and --token-path.");
        });
    }

    public InputText Input(ParseResult parsed) => new()
    {
        TextPath = parsed.GetValue(_text) is { } text ? Path.GetFullPath(text) : null,
        TokenPath = parsed.GetValue(_tokens) is { } tokens ? Path.GetFullPath(tokens) : null,
        MaxLines = parsed.GetValue(_lines),
        SequenceLength = parsed.GetValue(_length),
    };

    public int BatchSize(ParseResult parsed) => parsed.GetValue(_batch) ?? batchSize;

    public Pooling? Pooling(ParseResult parsed) => parsed.GetValue(_pooling) is { } name ? Enum.Parse<Pooling>(name, ignoreCase: true) : null;
}
