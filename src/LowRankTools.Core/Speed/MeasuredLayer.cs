using LowRankTools.Core.Layers;

namespace LowRankTools.Core.Speed;

/// <summary>A layer to time.</summary>
/// <param name="Shape">Its sizes.</param>
/// <param name="Name">Its name; the first one's where several have the shape.</param>
/// <param name="Path">Its model; null where there is none.</param>
/// <param name="Layers">How many layers have the shape.</param>
public sealed record MeasuredLayer(MatrixShape Shape, string Name, string? Path = null, int Layers = 1)
{
    /// <summary>A shape without a model.</summary>
    public static MeasuredLayer Of(MatrixShape shape) => new(shape, shape.ToString());

    /// <summary>
    /// The linear layers among some, one for each shape in a model: layers of one shape take the same time. What is no linear
    /// map, or is half of a pair already, is left out.
    /// </summary>
    public static IReadOnlyList<MeasuredLayer> Distinct(IEnumerable<LayerShape> layers) =>
        [.. layers.Where(IsLinear).GroupBy(l => (l.Path, l.OutFeatures, l.InFeatures)).Select(alike => new MeasuredLayer(
            new MatrixShape((int)alike.Key.OutFeatures!, (int)alike.Key.InFeatures!), alike.First().Name, alike.Key.Path, alike.Count()))];

    private static bool IsLinear(LayerShape layer) => layer is
    {
        Kind: LayerKind.Linear or LayerKind.AttentionPacked, Rank: null, Shape.Count: 2,
        OutFeatures: >= 1 and <= int.MaxValue, InFeatures: >= 1 and <= int.MaxValue,
    };
}
