using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Quality.Graphs;

/// <summary>What graphs of ONNX are given when they are held against each other, and what is made of their answers.</summary>
public sealed record GraphQualityOptions
{
    /// <summary>Files with the graph's inputs, one sample each: a tensor by the name of each input, in any format that tensors are read from. Empty for random inputs.</summary>
    public IReadOnlyList<string> InputPaths { get; init; } = [];

    /// <summary>Random samples, where no files are given; null for one.</summary>
    public int? Samples { get; init; }

    /// <summary>Sizes of inputs that the graph leaves open, by the inputs' names.</summary>
    public IReadOnlyDictionary<string, Dimensions> InputShapes { get; init; } = new Dictionary<string, Dimensions>();

    /// <summary>Seed of random inputs.</summary>
    public ulong Seed { get; init; }

    /// <summary>File of the characters that an output's classes stand for, one a line from class 1 on; class 0 is the blank. Null for none.</summary>
    public string? CharacterPath { get; init; }

    /// <summary>Whether any of it is about graphs alone.</summary>
    public bool IsAsked => InputPaths.Count > 0 || Samples is not null || InputShapes.Count > 0 || Seed != 0 || CharacterPath is not null;

    /// <summary>Threads of ONNX Runtime; zero for every core.</summary>
    public int ThreadCount { get; init; }

    /// <summary>Refuses inputs of a graph where there is none.</summary>
    /// <param name="reference">The original.</param>
    /// <param name="hasText">Whether a text or tokens were given, which networks read that are run here.</param>
    /// <returns>Whether graphs are to be run by ONNX Runtime.</returns>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    public bool AreFor(ModelSource reference, bool hasText)
    {
        if (IsAsked && hasText)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "A text and inputs of a graph are given together.", "A text is for networks that are run here; leave it out to run a graph of ONNX as it is.");
        if (IsAsked && !MeasureGraphQuality.IsGraph(reference))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{reference.Path}: it is no graph of ONNX, and inputs of a graph are given.", "Give a text or tokens, -TextPath or -TokenPath.");
        return !hasText && MeasureGraphQuality.IsGraph(reference);
    }

    /// <summary>Refuses options that mean nothing.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, <c>PathNotFound</c>.</exception>
    public void Validate()
    {
        foreach (string path in InputPaths.Append(CharacterPath).OfType<string>().Where(p => !File.Exists(p)))
            throw new LowRankToolsException(CoreErrors.PathNotFound, $"There is no file '{path}'.");
        if (InputPaths.Count > 0 && (Samples is not null || InputShapes.Count > 0))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "Files of inputs and sizes or a number of random ones are given together.", "Leave -InputPath out, or -SampleCount and -InputShape.");
        if (Samples < 1)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{Samples} samples are none.", "Use at least 1.");
    }
}
