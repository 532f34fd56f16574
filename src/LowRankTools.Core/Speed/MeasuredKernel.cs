using LowRankTools.Core.Layers;
using LowRankTools.Core.Storage;
using LowRankTools.Decompositions.Convolutions;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Speed;

/// <summary>A convolution to time.</summary>
/// <param name="Shape">Shape of its kernel.</param>
/// <param name="Name">Name of the layer, or the shape.</param>
/// <param name="Path">Full path of its model; null without one.</param>
/// <param name="Layers">Layers of this shape.</param>
public sealed record MeasuredKernel(KernelShape Shape, string Name, string? Path = null, int Layers = 1)
{
    /// <summary>Reads <c>128x64x3x3</c>, outputs x channels x height x width; null for a text of other than four sizes.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: a size makes no sense.</exception>
    public static MeasuredKernel? Parse(string text)
    {
        if (text.Count(c => c is 'x' or 'X' or '\u00D7') != 3)
            return null;
        Dimensions sizes = Dimensions.Parse(text);
        if (sizes.Sizes.Any(s => s < 1) || sizes.Sizes.Aggregate(1.0, (product, size) => product * size) > int.MaxValue)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"'{text}' is no shape of a kernel.", "A kernel is outputs x channels x height x width, such as 128x64x3x3.");
        return new MeasuredKernel(LayerWeight.ShapeOf(sizes, channelsLast: false), sizes.ToString());
    }

    /// <summary>The dense convolutions over lines and columns among some, one for each shape in a model; depthwise ones and factors are left out.</summary>
    /// <param name="layers">Layers with kernels of outputs x channels x height x width.</param>
    public static IReadOnlyList<MeasuredKernel> Distinct(IEnumerable<LayerShape> layers) =>
        [.. layers.Where(l => l is { IsKernel: true, Rank: null, Kind: LayerKind.Conv2d } && l.Shape[0] > 1 && l.Shape[1] > 1).GroupBy(l => (l.Path, l.Shape)).Select(alike =>
            new MeasuredKernel(LayerWeight.ShapeOf(alike.Key.Shape, channelsLast: false), alike.First().Name, alike.Key.Path, alike.Count()))];
}
