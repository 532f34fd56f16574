using LowRankTools.Numerics;

namespace LowRankTools.Core;

/// <summary>Everything that <see cref="ExportAdapter"/> can be told.</summary>
public sealed record ExportAdapterOptions
{
    /// <summary>How many components of each difference are kept: a fixed rank or a share of its energy.</summary>
    public required AdapterRank Rank { get; init; }

    /// <summary>Which weights are looked at: linear maps and convolutions, and embeddings where they are asked for.</summary>
    public LayerSelection Selection { get; init; } = new();

    /// <summary>Where and how the adapter is written.</summary>
    public AdapterOutputOptions Output { get; init; } = new();

    /// <summary>Threads to compute with; zero for all.</summary>
    public int ThreadCount { get; init; }

    /// <summary>Refuses options that contradict each other.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    public void Validate()
    {
        Rank.Validate();
        if (Rank is not (AdapterRank.Fixed or AdapterRank.Energy))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{Rank} needs every singular value of a dense difference.", "Export by -Rank or -Energy, and resize after it.");
        Output.Validate();
    }
}
