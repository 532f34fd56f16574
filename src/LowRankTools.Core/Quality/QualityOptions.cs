using LowRankTools.Core.Engines;
using LowRankTools.Core.Models;
using LowRankTools.Core.Tokens;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Quality;

/// <summary>What a model's quality is measured on, and how.</summary>
public sealed record QualityOptions
{
    /// <summary>Lines of which all pairs are compared: there are two million of them.</summary>
    internal const int MostPairedLines = 2000;

    /// <summary>The inputs.</summary>
    public required InputText Input { get; init; }

    /// <summary>The right class of each line of the text, for classifiers: a file with one a line; null for none.</summary>
    public string? LabelPath { get; init; }

    /// <summary>How an encoder's embedding is made; null for its own where it has one, and else for the mean of the last states.</summary>
    public Pooling? Pooling { get; init; }

    /// <summary>An adapter that runs beside the weights of every model that is measured, and not of the reference; null for none.</summary>
    public ModelSource? Adapter { get; init; }

    /// <summary>Sequences that run at once.</summary>
    public int BatchSize { get; init; } = 16;

    /// <summary>Engine and device.</summary>
    public EngineChoice Engine { get; init; } = new();

    /// <summary>Threads; zero for every core.</summary>
    public int ThreadCount { get; init; }

    /// <summary>Refuses options that mean nothing.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, <c>PathNotFound</c>.</exception>
    public void Validate()
    {
        Input.Validate();
        if (LabelPath is { } labels && !File.Exists(labels))
            throw new LowRankToolsException(CoreErrors.PathNotFound, $"There is no file '{labels}'.");
        if (BatchSize < 1)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"A batch of {BatchSize} sequences is none.", "Use a batch of at least 1.");
    }

    /// <summary>What was asked for, or what suits a network.</summary>
    internal static Pooling PoolingOf(Pooling? asked, TransformerConfig config) => asked ?? (config is SentenceEncoderConfig ? LowRankTools.Networks.Architectures.Pooling.Pooled : LowRankTools.Networks.Architectures.Pooling.Mean);
}
