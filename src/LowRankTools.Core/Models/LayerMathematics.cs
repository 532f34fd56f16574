using LowRankTools.Core.Layers;
using LowRankTools.Formats;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Models;

/// <summary>Computations on a layer of a model.</summary>
internal static class LayerMathematics
{
    /// <summary>Runs mathematics on a layer; an error that does not know the layer's name gets it.</summary>
    public static T Named<T>(Model model, ModelLayer layer, Func<T> compute)
    {
        try
        {
            return compute();
        }
        catch (LowRankToolsException e) when (e is not ModelFormatException)
        {
            throw e.In($"{model.Source.Path}: tensor '{layer.Shape.Name}'", e.ErrorId == CoreErrors.NonFiniteValues ? "Repair the tensor, or leave it out with -Exclude." : null);
        }
    }
}
