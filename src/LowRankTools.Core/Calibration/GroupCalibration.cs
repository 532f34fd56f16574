using LowRankTools.Core.Layers;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Calibration;

/// <summary>What a calibration file says of layers that share a basis.</summary>
internal sealed class GroupCalibration : IDisposable
{
    private readonly List<LayerCalibration> _layers = [];

    private GroupCalibration()
    {
    }

    /// <summary>What it says of each.</summary>
    public IReadOnlyList<LayerCalibration> Layers => _layers;

    /// <summary>Reads it; null where the file knows none of the layers.</summary>
    /// <exception cref="LowRankToolsException"><c>CalibrationInvalid</c>; <c>CalibrationUnmatched</c>: the file knows some of the layers and not all.</exception>
    public static GroupCalibration? Read(CalibrationFile file, IReadOnlyList<ModelLayer> layers, ITensorEngine engine, CancellationToken cancellationToken)
    {
        if (!Knows(file, [.. layers.Select(l => l.Shape.Name)]))
            return null;
        GroupCalibration group = new();
        try
        {
            foreach (ModelLayer layer in layers)
                group._layers.Add(file.Read(layer.Shape, engine, cancellationToken));
            return group;
        }
        catch
        {
            group.Dispose();
            throw;
        }
    }

    /// <summary>Whether a file knows the layers that share a basis: all of them, or none.</summary>
    /// <exception cref="LowRankToolsException"><c>CalibrationUnmatched</c>: some.</exception>
    public static bool Knows(CalibrationFile file, IReadOnlyList<string> layers)
    {
        bool known = file.Has(layers[0]);
        return layers.FirstOrDefault(l => file.Has(l) != known) is not { } other ? known
            : throw new LowRankToolsException(CoreErrors.CalibrationUnmatched,
                $"{file.Path}: '{(known ? layers[0] : other)}' and '{(known ? other : layers[0])}' are to share a basis, and it has nothing on the second.", "Collect it again for all layers, or leave these out with -Exclude.");
    }

    /// <inheritdoc/>
    public void Dispose() => _layers.ForEach(l => l.Dispose());
}
