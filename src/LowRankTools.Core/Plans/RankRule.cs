using System.Globalization;
using LowRankTools.Core.Speed;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Plans;

/// <summary>How a rank is chosen for each layer.</summary>
public abstract record RankRule
{
    private RankRule()
    {
    }

    /// <summary>One rank for all layers.</summary>
    /// <param name="Value">One or more.</param>
    public sealed record Fixed(int Value) : RankRule
    {
        /// <inheritdoc/>
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"Rank {Value}");
    }

    /// <summary>Each pair keeps at most this share of its layer's parameters.</summary>
    /// <param name="Ratio">Above 0, below 1.</param>
    public sealed record KeepRatio(double Ratio) : RankRule
    {
        /// <inheritdoc/>
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"KeepRatio {Ratio}");
    }

    /// <summary>Each pair keeps at least this share of its layer's energy, the sum of squared singular values.</summary>
    /// <param name="Share">Above 0, at most 1.</param>
    public sealed record Energy(double Share) : RankRule
    {
        /// <inheritdoc/>
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"Energy {Share}");
    }

    /// <summary>The chosen layers together have this many times fewer parameters, biases aside; of adapters, the trainable ones.</summary>
    /// <param name="Factor">Above 1.</param>
    public sealed record TargetReduction(double Factor) : RankRule
    {
        /// <inheritdoc/>
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"TargetReduction {Factor}");
    }

    /// <summary>The whole model has at most this many parameters, shared storage once; of adapters, the trainable ones alone.</summary>
    /// <param name="Parameters">Above 0.</param>
    public sealed record ParameterBudget(long Parameters) : RankRule
    {
        /// <inheritdoc/>
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"ParameterBudget {Parameters}");
    }

    /// <summary>All tensors of the whole file as it will be written have at most this many bytes; of adapters, theirs alone. The header comes on top.</summary>
    /// <param name="Bytes">Above 0.</param>
    public sealed record ByteBudget(long Bytes) : RankRule
    {
        /// <inheritdoc/>
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"ByteBudget {Bytes}");
    }

    /// <summary>The fewest parameters at which the error of the chosen layers together, in the plan's weighting, is at most this.</summary>
    /// <param name="Error">Above 0, below 1.</param>
    public sealed record MaxRelativeError(double Error) : RankRule
    {
        /// <inheritdoc/>
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"MaxRelativeError {Error}");
    }

    /// <summary>The chosen layers together are this many times faster, by times measured on this machine.</summary>
    /// <param name="Factor">Above 1.</param>
    /// <param name="BatchSize">Tokens that layers are called with, at least 1.</param>
    public sealed record TargetSpeedup(double Factor, int BatchSize = LayerSpeedOptions.DefaultBatchSize) : RankRule
    {
        /// <inheritdoc/>
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"TargetSpeedup {Factor} at {BatchSize} tokens");
    }

    /// <summary>Whether the rule decides each layer by itself.</summary>
    internal bool IsPerLayer => this is Fixed or KeepRatio or Energy;

    /// <summary>Whether the rule speaks of values, which bare shapes and adapters to be do not have.</summary>
    internal bool SpeaksOfValues => this is Energy or MaxRelativeError;

    /// <summary>Refuses numbers that mean nothing.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    internal void Validate()
    {
        string? problem = this switch
        {
            Fixed { Value: < 1 } => "A rank is at least 1.",
            KeepRatio { Ratio: not (> 0 and < 1) } => "A kept ratio lies between 0 and 1.",
            Energy { Share: not (> 0 and <= 1) } => "A share of the energy is above 0 and at most 1.",
            TargetReduction { Factor: not (> 1 and <= double.MaxValue) } => "A reduction is above 1.",
            TargetSpeedup { Factor: not (> 1 and <= double.MaxValue) } => "A speed-up is above 1.",
            TargetSpeedup { BatchSize: < 1 } => "A layer is called with at least 1 token.",
            ParameterBudget { Parameters: < 1 } => "A budget is at least 1 parameter.",
            ByteBudget { Bytes: < 1 } => "A budget is at least 1 byte.",
            MaxRelativeError { Error: not (> 0 and < 1) } => "A relative error lies between 0 and 1.",
            _ => null,
        };
        if (problem is not null)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{this}: {problem}");
    }
}
