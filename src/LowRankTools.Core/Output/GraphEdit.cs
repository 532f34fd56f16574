using LowRankTools.Formats;

namespace LowRankTools.Core;

/// <summary>An ONNX model that is written again with pairs in place of some weights.</summary>
/// <param name="Source">The model.</param>
/// <param name="Pairs">What takes the place of what.</param>
internal sealed record GraphEdit(OnnxFile Source, IReadOnlyList<OnnxPair> Pairs)
{
    /// <summary>Whether values lie in a data file beside the model.</summary>
    public bool HasData => OnnxModelWriter.HasData(Source);

    /// <summary>The change that a plan's steps make.</summary>
    public static GraphEdit Of(Model model, IEnumerable<OutputItem> items) =>
        new((OnnxFile)model.File, [.. items.OfType<OutputItem.Pair>().Select(p => new OnnxPair(p.Layer.Shape.Name, p.First, p.Second) is var pair && p is { FirstParts: [var first, var firstScale], SecondParts: [var second, var secondScale] }
            ? pair with { First = first, FirstScale = firstScale, Second = second, SecondScale = secondScale } : pair)]);
}
