using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Models;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Adapters.Editing;

/// <summary>Everything that <see cref="NewAdapter"/> can be told.</summary>
public sealed record NewAdapterOptions
{
    /// <summary>Components of every module.</summary>
    public required int Rank { get; init; }

    /// <summary>Numerator of the scale alpha / rank; null for the rank, a scale of one.</summary>
    public double? Alpha { get; init; }

    /// <summary>Which weights get a pair: linear maps and convolutions, and embeddings where they are asked for.</summary>
    public LayerSelection Selection { get; init; } = new();

    /// <summary>Whether each module gets the lengths of its weight's rows too, to be trained apart from their directions (Liu et al., "DoRA", 2024); in PEFT's layout.</summary>
    public bool Dora { get; init; }

    /// <summary>Chooses the random factors.</summary>
    public ulong Seed { get; init; }

    /// <summary>Where and how the adapter is written.</summary>
    public AdapterOutputOptions Output { get; init; } = new();

    /// <summary>Refuses options that contradict each other.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    public void Validate()
    {
        new AdapterRank.Fixed(Rank).Validate();
        if (Alpha is { } alpha && (!double.IsFinite(alpha) || alpha == 0))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"An alpha of {alpha} is no scale.", "Use a number other than zero.");
        Output.Validate();
        if (Dora && Output.AnyLayoutFor(AdapterLayout.Peft) != AdapterLayout.Peft)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"DoRA's lengths have no place in the layout {Output.AnyLayoutFor(AdapterLayout.Peft)}.", "Write Peft with -Layout, into a folder.");
        if (Dora && Selection.IncludeEmbedding)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "DoRA is of linear maps and convolutions, not of embeddings.", "Leave -IncludeEmbedding out.");
    }
}
