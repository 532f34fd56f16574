using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Calibration;

/// <summary>A calibration file in use by one factorization.</summary>
internal sealed class LayerCalibrations : IDisposable
{
    private readonly CalibrationFile _file;

    private LayerCalibrations(CalibrationOptions options, CalibrationFile file)
    {
        _file = file;
        string fingerprint = file.Fingerprint();
        if (options.Fingerprint is { } planned && planned != fingerprint)
            throw new LowRankToolsException(CoreErrors.CalibrationInvalid, $"{file.Path}: this is not the calibration that the plan was made with; its content has changed.", "Plan again, or name the file with -Calibration.");
        Record = new CalibrationRecord
        {
            File = Path.GetFileName(file.Path),
            Fingerprint = fingerprint,
            Mode = options.Mode,
            Damping = options.Damping,
            Refit = options.Refit,
        };
    }

    /// <summary>What goes into the model's record.</summary>
    public CalibrationRecord Record { get; }

    /// <summary>Opens the file.</summary>
    /// <exception cref="LowRankToolsException">See <see cref="CalibrationFile.Open"/>.</exception>
    public static LayerCalibrations Open(CalibrationOptions options)
    {
        CalibrationFile file = CalibrationFile.Open(options.Path);
        try
        {
            return new LayerCalibrations(options, file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Whether a layer of a plan is calibrated: tied layers as the one that they share factors with.</summary>
    public bool Has(LayerPlan layer) => _file.Has(layer.TiedTo ?? layer.Name);

    /// <summary>Names of the layers that become pairs and are not in the file.</summary>
    public IEnumerable<string> Missing(RankPlan plan) => plan.Layers.Where(l => l.Rank is not null && !Has(l)).Select(l => l.Name);

    /// <summary>Checks every shape before anything is computed.</summary>
    /// <exception cref="LowRankToolsException"><c>CalibrationInvalid</c>: a shape does not fit;
    /// <c>CalibrationUnmatched</c>: the file has nothing on any layer that becomes a pair, or on some of those that share a basis.</exception>
    public void Check(Model model, RankPlan plan)
    {
        Dictionary<string, ModelLayer> layers = model.Layers.ToDictionary(l => l.Shape.Name, StringComparer.Ordinal);
        List<LayerPlan> pairs = [.. plan.Layers.Where(l => l.Rank is not null)];
        foreach (LayerPlan layer in pairs.Where(l => l.TiedTo is null && Has(l)))
            _file.Check(layers[layer.Name].Shape);
        foreach (IGrouping<string, LayerPlan> group in pairs.Where(l => l.TiedTo is null).GroupBy(l => l.Basis ?? l.Name))
            GroupCalibration.Knows(_file, [.. group.Select(l => l.Name)]);
        if (pairs.Count > 0 && !pairs.Any(Has))
        {
            throw new LowRankToolsException(CoreErrors.CalibrationUnmatched,
                $"{_file.Path}: it knows {string.Join(", ", _file.Layers.Take(3))}{(_file.Layers.Count > 3 ? ", ..." : "")}, and none of these is a layer to factorize such as {LayerNames.Module(pairs[0].Name)}.",
                $"Name its tensors as the layers of {model.Source.Path}.");
        }
    }

    /// <summary>Sizes of the Gram matrix of the gradients at a layer's outputs: (out, out), or (out) of its diagonal; null where there is none.</summary>
    public long[]? GradientShape(LayerShape shape) => _file.Has(shape.Name) && _file.Parts(shape).TryGetValue(CalibrationNames.OutputGram, out TensorInfo? gradients) ? [.. gradients.Shape] : null;

    /// <summary>What is known of layers that share a basis; null where nothing is.</summary>
    public GroupCalibration? Find(IReadOnlyList<ModelLayer> layers, ITensorEngine engine, CancellationToken cancellationToken) => GroupCalibration.Read(_file, layers, engine, cancellationToken);

    /// <summary>What is known of a layer; null where nothing is.</summary>
    public LayerCalibration? Find(LayerShape shape, ITensorEngine engine, CancellationToken cancellationToken) =>
        _file.Has(shape.Name) ? _file.Read(shape, engine, cancellationToken) : null;

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
