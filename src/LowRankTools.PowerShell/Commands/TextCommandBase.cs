using System.Management.Automation;
using LowRankTools.Core.Tokens;
using LowRankTools.Networks.Architectures;

namespace LowRankTools.PowerShell.Commands;

/// <summary>A cmdlet that runs models on a text.</summary>
public abstract class TextCommandBase : EngineCommandBase
{
    /// <summary>A text file in UTF-8, one text a line, tokenized by what lies beside the model.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string? TextPath { get; set; }

    /// <summary>A file of token ids in place of a text, one sequence a line.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string? TokenPath { get; set; }

    /// <summary>Most lines that are used; all by default.</summary>
    [Parameter, ValidateRange(1, int.MaxValue)]
    public int? MaxLines { get; set; }

    /// <summary>Most tokens of a sequence; the network's positions by default, 512 at most.</summary>
    [Parameter, ValidateRange(2, int.MaxValue)]
    public int? SequenceLength { get; set; }

    /// <summary>Sequences that run at once.</summary>
    [Parameter, ValidateRange(1, int.MaxValue)]
    public int BatchSize { get; set; } = 16;

    /// <summary>How an encoder's embedding is made of its states; its own where it has one, else their mean.</summary>
    [Parameter, ValidateSet(nameof(LowRankTools.Networks.Architectures.Pooling.Pooled), nameof(LowRankTools.Networks.Architectures.Pooling.Mean), nameof(LowRankTools.Networks.Architectures.Pooling.First))]
    public string? Pooling { get; set; }

    private protected InputText Input => new()
    {
        TextPath = TextPath is null ? null : Resolver.Literal(TextPath),
        TokenPath = TokenPath is null ? null : Resolver.Literal(TokenPath),
        MaxLines = MaxLines,
        SequenceLength = SequenceLength,
    };

    private protected Pooling? ChosenPooling => Pooling is null ? null : Enum.Parse<Pooling>(Pooling, ignoreCase: true);
}
