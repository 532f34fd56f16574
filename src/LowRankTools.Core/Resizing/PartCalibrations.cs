using LowRankTools.Core.Adapters;
using LowRankTools.Core.Architectures;
using LowRankTools.Core.Calibration;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Resizing;

/// <summary>
/// What a calibration says of feed-forward parts. A GGUF model is not run here: what was collected of PyTorch's model, by that one's names,
/// holds for it, for the converter leaves the order of hidden units alone.
/// </summary>
/// <param name="file">The opened calibration.</param>
/// <param name="model">The opened model.</param>
internal sealed class PartCalibrations(CalibrationFile file, Model model)
{
    private readonly GgufFamily? _family = GgufFamily.Of(model.File);

    /// <summary>Checks by headers that every part is known and fits.</summary>
    /// <exception cref="LowRankToolsException"><c>CalibrationUnmatched</c>, <c>CalibrationInvalid</c>.</exception>
    public void Check(IReadOnlyList<FeedForwardPart> parts)
    {
        foreach (FeedForwardPart part in parts)
        {
            LayerShape shape = Named(part);
            if (!file.Has(shape.Name))
            {
                throw new LowRankToolsException(CoreErrors.CalibrationUnmatched, $"{file.Path}: it has nothing on '{LayerNames.Module(part.Down.Shape.Name)}' of {model.Source.Path}.",
                    "Collect it of this very model, with Export-LowRankCalibration.");
            }
            file.Check(shape);
        }
    }

    /// <summary>Reads what there is on a part.</summary>
    /// <exception cref="LowRankToolsException"><c>CalibrationInvalid</c>.</exception>
    public LayerCalibration Read(FeedForwardPart part, ITensorEngine engine, CancellationToken cancellationToken) => file.Read(Named(part), engine, cancellationToken);

    private LayerShape Named(FeedForwardPart part)
    {
        LayerShape shape = part.Down.Shape;
        return !file.Has(shape.Name) && _family?.FromGguf(LayerNames.Module(shape.Name)) is { } theirs && file.Has(theirs) ? shape with { Name = theirs + ".weight" } : shape;
    }
}
