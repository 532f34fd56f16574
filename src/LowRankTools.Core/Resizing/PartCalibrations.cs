using LowRankTools.Core.Adapters;
using LowRankTools.Core.Calibration;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Resizing;

/// <summary>
/// What a calibration says of the weights of feed-forward parts and attention. A GGUF model is not run here: what was collected of PyTorch's model, by that one's names,
/// holds for it, for the converter leaves the order of hidden units alone.
/// </summary>
/// <param name="file">The opened calibration.</param>
/// <param name="model">The opened model.</param>
internal sealed class PartCalibrations(CalibrationFile file, Model model)
{
    private readonly GgufFamily? _family = GgufFamily.Of(model.File);

    /// <summary>Checks by headers that every weight is known and fits.</summary>
    /// <exception cref="LowRankToolsException"><c>CalibrationUnmatched</c>, <c>CalibrationInvalid</c>.</exception>
    public void Check(IEnumerable<ModelLayer> layers)
    {
        foreach (ModelLayer layer in layers)
        {
            LayerShape shape = Named(layer);
            if (!file.Has(shape.Name))
            {
                throw new LowRankToolsException(CoreErrors.CalibrationUnmatched, $"{file.Path}: it has nothing on '{LayerNames.Module(layer.Shape.Name)}' of {model.Source.Path}.",
                    "Collect it of this very model, with Export-LowRankCalibration.");
            }
            file.Check(shape);
        }
    }

    /// <summary>Whether the gradients at all of these weights' outputs are known.</summary>
    public bool HasGradients(IEnumerable<ModelLayer> layers) => layers.All(l => file.Parts(Named(l)).ContainsKey(CalibrationNames.OutputGram));

    /// <summary>Reads what there is on a weight.</summary>
    /// <exception cref="LowRankToolsException"><c>CalibrationInvalid</c>: also where it has the diagonal of the Gram matrix alone.</exception>
    public LayerCalibration Read(ModelLayer layer, ITensorEngine engine, CancellationToken cancellationToken)
    {
        LayerCalibration read = file.Read(Named(layer), engine, cancellationToken);
        if (read.Inputs.Original.Dense is not null)
            return read;
        read.Dispose();
        throw new LowRankToolsException(CoreErrors.CalibrationInvalid, $"{file.Path}: of '{layer.Shape.Name}' it has the diagonal alone.", "Collect whole Gram matrices, as Export-LowRankCalibration does.");
    }

    private LayerShape Named(ModelLayer layer)
    {
        LayerShape shape = layer.Shape;
        return !file.Has(shape.Name) && _family?.FromGguf(LayerNames.Module(shape.Name)) is { } theirs && file.Has(theirs) ? shape with { Name = theirs + ".weight" } : shape;
    }
}
