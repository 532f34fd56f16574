using LowRankTools.Decompositions.Convolutions;
using LowRankTools.Decompositions.Layers;
using LowRankTools.Decompositions.Pivoted;
using LowRankTools.Decompositions.TensorTrainMatrices;
using LowRankTools.Numerics;

namespace LowRankTools.Decompositions.Methods;

/// <summary>Every way to have factors in place of a layer's weight. A new one is a class and a line here.</summary>
public static class LayerMethods
{
    /// <summary>The methods.</summary>
    public static IReadOnlyList<LayerMethod> All { get; } = [.. ConvolutionMethods.All, new TensorTrainLayer(), new PivotedLayer()];

    /// <summary>The method of a name.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: there is none.</exception>
    public static LayerMethod Find(string name) => TryFind(name)
        ?? throw DecompositionOptions.Invalid($"There is no method '{name}' for layers.", $"Choose one of {string.Join(", ", All.Select(m => m.Name))}.");

    /// <summary>The method of a name; null where there is none.</summary>
    public static LayerMethod? TryFind(string name) => All.Select(m => m.Named(name)).FirstOrDefault(m => m is not null);
}
