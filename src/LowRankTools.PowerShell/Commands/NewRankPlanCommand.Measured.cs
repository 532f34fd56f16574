using System.Management.Automation;
using LowRankTools.Core;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Quality;
using LowRankTools.Core.Tokens;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;

namespace LowRankTools.PowerShell.Commands;

public sealed partial class NewRankPlanCommand
{
    /// <summary>A text on which the model is run to exchange ranks between its layers: UTF-8, one text a line, none that the calibration or the judgement has.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string? TextPath { get; set; }

    /// <summary>A file of token ids in place of that text, one sequence a line.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string? TokenPath { get; set; }

    /// <summary>Most lines of it that are used; all by default.</summary>
    [Parameter, ValidateRange(1, int.MaxValue)]
    public int? MaxLines { get; set; }

    /// <summary>What those runs are to make better.</summary>
    [Parameter, ValidateSet("Auto", "MeanCosine", "Pearson", "Spearman", "Perplexity")]
    public string Measure { get; set; } = "Auto";

    /// <summary>Most runs of the model over the text.</summary>
    [Parameter, ValidateRange(1, 100_000)]
    public int Trials { get; set; } = MeasuredPlanOptions.DefaultTrials;

    /// <summary>How an encoder's embedding is made of its states; its own where it has one, else their mean.</summary>
    [Parameter, ValidateSet(nameof(LowRankTools.Networks.Architectures.Pooling.Pooled), nameof(LowRankTools.Networks.Architectures.Pooling.Mean), nameof(LowRankTools.Networks.Architectures.Pooling.First))]
    public string? Pooling { get; set; }

    private MeasuredPlanOptions? Measured()
    {
        if (TextPath is null && TokenPath is null)
        {
            string? idle = Array.Find([nameof(MaxLines), nameof(Measure), nameof(Trials), nameof(Pooling)], MyInvocation.BoundParameters.ContainsKey);
            return idle is null ? null : throw new LowRankToolsException(CoreErrors.OptionInvalid, $"-{idle} is about runs of the model on a text, and there is none.", "Give -TextPath or -TokenPath.");
        }
        return new MeasuredPlanOptions
        {
            Input = new InputText { TextPath = Literal(TextPath), TokenPath = Literal(TokenPath), MaxLines = MaxLines },
            Measure = Enum.Parse<QualityMeasure>(Measure, ignoreCase: true),
            Trials = Trials,
            Pooling = Pooling is null ? null : Enum.Parse<Pooling>(Pooling, ignoreCase: true),
        };
    }

    private string? Literal(string? path) => path is null ? null : Resolver.Literal(path);
}
