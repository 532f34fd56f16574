using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Adapters.Editing;

/// <summary>Everything that <see cref="ExportAdapter"/> can be told.</summary>
public sealed record ExportAdapterOptions
{
    /// <summary>How many components of each difference are kept; null where a budget says it.</summary>
    public AdapterRank? Rank { get; init; }

    /// <summary>Most parameters of the whole adapter, shared out so that the error of all differences together is the least; null where a rule for each says it.</summary>
    public long? ParameterBudget { get; init; }

    /// <summary>Which weights are looked at: linear maps and convolutions, and embeddings where they are asked for.</summary>
    public LayerSelection Selection { get; init; } = new();

    /// <summary>Inputs on which the truncation loses the least at each module's output; null for the differences alone.</summary>
    public CalibrationOptions? Calibration { get; init; }

    /// <summary>Where and how the adapter is written.</summary>
    public AdapterOutputOptions Output { get; init; } = new();

    /// <summary>Threads to compute with; zero for all.</summary>
    public int ThreadCount { get; init; }

    /// <summary>Refuses options that contradict each other.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, <c>PathNotFound</c>.</exception>
    public void Validate()
    {
        if (Rank is null == ParameterBudget is null || ParameterBudget < 1)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "Ranks follow from one rule for each difference or from one budget for all, of at least one parameter.", "Give one of -Rank, -Energy, -CumulativeRatio, -SigmaRatio and -ParameterBudget.");
        if (ParameterBudget is not null && Output.Layout == AdapterLayout.Lotr)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "A budget is shared out among pairs of single weights, and LoTR shares factors between weights.", "Give -Rank or another rule, or write another -Layout.");
        if (Calibration is not null && Output.Layout == AdapterLayout.Lotr)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "LoTR shares factors between weights, and each weight has inputs of its own.", "Leave the calibration away, or write another -Layout.");
        Calibration?.Validate();
        Rank?.Validate();
        Output.Validate();
    }
}
