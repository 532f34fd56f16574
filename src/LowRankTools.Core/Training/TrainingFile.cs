using System.Globalization;
using System.Runtime.InteropServices;
using LowRankTools.Core.Output;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Networks.Training;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Training;

/// <summary>A training on disk: a checkpoint as safetensors, every bit of it. A saving replaces the one before in one step.</summary>
internal static class TrainingFile
{
    private const string Parameters = "parameter/", Memory = "memory/", Losses = "losses";
    private const int LossColumns = 5;
    private const int MostSteps = 100_000_000;

    /// <summary>Writes a checkpoint.</summary>
    /// <param name="path">The file.</param>
    /// <param name="checkpoint">The training.</param>
    /// <param name="inputs">What the training was begun with: only the same goes on.</param>
    public static void Write(string path, TrainingCheckpoint checkpoint, string inputs)
    {
        string full = Path.GetFullPath(path);
        Dictionary<string, string> metadata = new(StringComparer.Ordinal)
        {
            ["training"] = checkpoint.Training,
            ["inputs"] = inputs,
            ["step"] = checkpoint.Step.ToString(CultureInfo.InvariantCulture),
            ["optimizer"] = checkpoint.Optimizer.Description,
            ["optimizer_step"] = checkpoint.Optimizer.StepNumber.ToString(CultureInfo.InvariantCulture),
        };
        List<(TensorSpec Spec, byte[] Bytes)> tensors = [.. checkpoint.Parameters.Select(t => Tensor(Parameters, t)), .. checkpoint.Optimizer.Tensors.Select(t => Tensor(Memory, t))];
        double[] losses = [.. checkpoint.Curve.SelectMany(p => (double[])[p.Step, p.Loss, p.RateFactor, p.GradientNorm, p.Validation ?? double.NaN])];
        if (losses.Length > 0)
            tensors.Add((new TensorSpec(Losses, TensorDType.F64, [checkpoint.Curve.Count, LossColumns]), MemoryMarshal.AsBytes<double>(losses).ToArray()));
        OutputErrors.Writing(Path.GetDirectoryName(full)!, () =>
        {
            Directory.CreateDirectory(Path.GetDirectoryName(full)!);
            using SafetensorsModelWriter writer = new(full, tensors.Select(t => t.Spec), metadata);
            foreach ((TensorSpec spec, byte[] bytes) in tensors)
            {
                writer.Begin(spec);
                writer.Write(bytes);
            }
            return writer.Complete(replace: true);
        });
    }

    /// <summary>Reads a checkpoint.</summary>
    /// <exception cref="LowRankToolsException"><c>CheckpointDoesNotFit</c>: it is damaged, or of other inputs; and those of the file.</exception>
    public static TrainingCheckpoint Read(string path, string inputs, CancellationToken cancellationToken)
    {
        using TensorFile file = TensorFiles.Open(path);
        if (Text(file, "inputs") != inputs)
            throw Unfit(path, "it was begun with other models, other text or another goal");
        List<SavedTensor> parameters = [], memory = [];
        List<LossPoint> losses = [];
        foreach (TensorInfo tensor in file.Tensors)
        {
            if (tensor.Name == Losses)
                losses = Curve(file, tensor);
            else if (tensor.Name.StartsWith(Parameters, StringComparison.Ordinal))
                parameters.Add(Saved(file, tensor, Parameters, cancellationToken));
            else if (tensor.Name.StartsWith(Memory, StringComparison.Ordinal))
                memory.Add(Saved(file, tensor, Memory, cancellationToken));
        }
        return new TrainingCheckpoint(Text(file, "training"), Number(file, "step"), parameters, new OptimizerState(Text(file, "optimizer"), Number(file, "optimizer_step"), memory), losses);
    }

    private static (TensorSpec, byte[]) Tensor(string part, SavedTensor tensor) => (
        new TensorSpec(part + tensor.Name, tensor.Singles is null ? TensorDType.F64 : TensorDType.F32, [.. tensor.Shape.Select(s => (long)s)]),
        tensor.Singles is { } singles ? MemoryMarshal.AsBytes<float>(singles).ToArray() : MemoryMarshal.AsBytes<double>(tensor.Doubles).ToArray());

    private static SavedTensor Saved(TensorFile file, TensorInfo tensor, string part, CancellationToken cancellationToken)
    {
        if (tensor.DType is not (TensorDType.F32 or TensorDType.F64) || tensor.ElementCount > Array.MaxLength / sizeof(double))
            throw Unfit(file.Path, $"'{tensor.Name}' is of no type that a training has");
        cancellationToken.ThrowIfCancellationRequested();
        int[] shape = [.. tensor.Shape.Select(s => checked((int)s))];
        if (tensor.DType == TensorDType.F64)
            return new SavedTensor(tensor.Name[part.Length..], shape, null, Doubles(file, tensor));
        float[] singles = new float[tensor.ElementCount];
        file.ReadBytes(tensor, 0, MemoryMarshal.AsBytes(singles.AsSpan()));
        return new SavedTensor(tensor.Name[part.Length..], shape, singles, null);
    }

    private static double[] Doubles(TensorFile file, TensorInfo tensor)
    {
        double[] values = new double[tensor.ElementCount];
        file.ReadBytes(tensor, 0, MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }

    private static List<LossPoint> Curve(TensorFile file, TensorInfo tensor)
    {
        if (tensor.DType != TensorDType.F64 || tensor.Shape is not [> 0 and <= MostSteps, LossColumns])
            throw Unfit(file.Path, "its losses are damaged");
        double[] values = Doubles(file, tensor);
        return [.. values.Chunk(LossColumns).Select(v => new LossPoint((int)v[0], v[1], v[2], v[3], double.IsNaN(v[4]) ? null : v[4]))];
    }

    private static string Text(TensorFile file, string key) => file.Metadata.TryGetValue(key, out string? value) ? value : throw Unfit(file.Path, $"it does not say its '{key}'");

    private static int Number(TensorFile file, string key) =>
        int.TryParse(Text(file, key), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : throw Unfit(file.Path, $"its '{key}' is no number");

    private static LowRankToolsException Unfit(string path, string why) =>
        new(CoreErrors.CheckpointDoesNotFit, $"{path}: the checkpoint does not belong to this training: {why}.", "Go on with what it was saved from, or name another file to begin anew.");
}
