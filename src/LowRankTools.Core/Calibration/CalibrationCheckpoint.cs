using System.Globalization;
using System.Runtime.InteropServices;
using LowRankTools.Core.Output;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Networks.Calibration;
using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Calibration;

/// <summary>
/// The sums of a collection on disk, so that one that was stopped goes on and comes to the same bits. It is laid out as the calibration that it will be, with the
/// batches that are in it in its metadata; a saving replaces the one before in one step.
/// </summary>
/// <param name="path">The file.</param>
/// <param name="every">Batches from one saving to the next.</param>
/// <param name="inputs">What the collection rests on: only the same goes on.</param>
internal sealed class CalibrationCheckpoint(string path, int every, string inputs)
{
    private const string Inputs = "inputs", Batches = "batches";

    /// <summary>Whether it is time to save.</summary>
    /// <param name="done">Batches that are in the sums.</param>
    /// <param name="total">Batches that will be.</param>
    public bool IsDue(int done, int total) => done % every == 0 || done == total;

    /// <summary>Saves sums.</summary>
    public void Save(INetworkEngine engine, GramCollector grams, IReadOnlyList<(Linear Layer, string Name)> layers, int done)
    {
        Dictionary<string, string> metadata = new(StringComparer.Ordinal) { [Inputs] = inputs, [Batches] = done.ToString(CultureInfo.InvariantCulture) };
        List<(TensorSpec Spec, Func<double[]> Values)> tensors = [];
        foreach ((Linear layer, string name) in layers)
        {
            if (grams.Of(layer) is not { } gram)
                continue;
            tensors.Add((CalibrationTensors.Gram(layer, name, ""), () => engine.ToArray(gram.Sum)));
            tensors.Add((CalibrationTensors.Count(name), () => [gram.Count]));
            if (grams.GradientsOf(layer) is { } gradients)
                tensors.Add((CalibrationTensors.OutputGram(layer, name), () => engine.ToArray(gradients)));
            if (layer.Weight.Gradient is { } ofWeight)
                tensors.Add((CalibrationTensors.WeightGradient(layer, name), () => engine.ToArray(ofWeight)));
        }
        string folder = Path.GetDirectoryName(path)!;
        OutputErrors.Writing(folder, () =>
        {
            Directory.CreateDirectory(folder);
            using SafetensorsModelWriter writer = new(path, tensors.Select(t => t.Spec), metadata);
            foreach ((TensorSpec spec, Func<double[]> values) in tensors)
                CalibrationTensors.Write(writer, spec, values());
            return writer.Complete(replace: true);
        });
    }

    /// <summary>Reads sums, where there are some.</summary>
    /// <returns>Batches that are in them; zero where the file is not there.</returns>
    /// <exception cref="LowRankToolsException"><c>CheckpointDoesNotFit</c>: it is damaged, or of another collection; and those of the file.</exception>
    public int Restore(INetworkEngine engine, GramCollector grams, IReadOnlyList<(Linear Layer, string Name)> layers, int total)
    {
        if (!File.Exists(path))
            return 0;
        using TensorFile file = TensorFiles.Open(path);
        if (file.Metadata.GetValueOrDefault(Inputs) != inputs)
            throw Unfit("it was begun with another model, other text or other options");
        if (!int.TryParse(file.Metadata.GetValueOrDefault(Batches), NumberStyles.None, CultureInfo.InvariantCulture, out int done) || done > total)
            throw Unfit("it does not say how many batches are in it");
        Dictionary<string, TensorInfo> tensors = file.Tensors.ToDictionary(t => t.Name, StringComparer.Ordinal);
        foreach ((Linear layer, string name) in layers)
        {
            if (Read(file, tensors, CalibrationTensors.Gram(layer, name, "")) is not { } sum)
                continue;
            double count = Read(file, tensors, CalibrationTensors.Count(name))?[0] ?? throw Unfit($"'{name}' has no count");
            double[]? gradients = Read(file, tensors, CalibrationTensors.OutputGram(layer, name));
            if (Read(file, tensors, CalibrationTensors.WeightGradient(layer, name)) is { } ofWeight)
                Add(engine, layer.Weight, ofWeight);
            grams.Restore(layer, Loaded(engine, sum, layer.InFeatures), (long)count, gradients is null ? null : Loaded(engine, gradients, layer.OutFeatures));
        }
        return done;
    }

    /// <summary>Takes the file away: the collection is complete.</summary>
    public void Remove() => OutputErrors.Writing(Path.GetDirectoryName(path)!, () =>
    {
        File.Delete(path);
        return true;
    });

    // In the type that it was summed in: its bits come back.
    private static void Add(INetworkEngine engine, Parameter weight, double[] values)
    {
        using ITensor wide = engine.FromDoubles(values, [.. weight.Shape]), own = engine.Copy(wide, weight.Value.ElementType);
        engine.AddScaled(1, own, 1, weight.GradientOn(engine));
    }

    private static ITensor Loaded(INetworkEngine engine, double[] values, int size)
    {
        using Matrix<double> matrix = Matrix<double>.From(size, size, values);
        using ITensor loaded = engine.Load(matrix.View);
        return engine.Copy(loaded, ElementType.Float64);
    }

    private double[]? Read(TensorFile file, Dictionary<string, TensorInfo> tensors, TensorSpec spec)
    {
        if (!tensors.TryGetValue(spec.Name, out TensorInfo? tensor))
            return null;
        if (tensor.DType != spec.DType || !tensor.Shape.SequenceEqual(spec.Shape))
            throw Unfit($"'{tensor.Name}' is not of the layer's size");
        double[] values = new double[tensor.ElementCount];
        file.ReadBytes(tensor, 0, MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }

    private LowRankToolsException Unfit(string why) =>
        new(CoreErrors.CheckpointDoesNotFit, $"{path}: the checkpoint does not belong to this calibration: {why}.", "Go on with what it was saved from, or name another file to begin anew.");
}
