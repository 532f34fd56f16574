using LowRankTools.Formats;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Numerics;
using LowRankTools.TorchSharp.Engine;
using LowRankTools.TorchSharp.Modules;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Weights;

/// <summary>Weights of model files in TorchSharp modules, which TorchSharp itself reads in a format of its own only.</summary>
public static class ModuleWeights
{
    private const int PieceBytes = 1 << 24;

    /// <summary>
    /// Loads weights by name from any format that is read: safetensors (shard indexes too), PyTorch, ONNX, GGUF, TensorFlow.js. Values
    /// take the module's element type and device; what a graph multiplies from the right is turned over for a Linear. Nothing is
    /// changed where strictness refuses.
    /// </summary>
    /// <param name="module">The module; parameters and buffers are filled.</param>
    /// <param name="path">A model file.</param>
    /// <param name="options">Strictness and names; null for the defaults.</param>
    /// <param name="cancellationToken">Stops between pieces; what was loaded until then stays.</param>
    /// <returns>What was loaded and what did not fit.</returns>
    /// <exception cref="LowRankToolsException"><c>WeightsDoNotFit</c>: strict, and something does not fit; or the file is damaged.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static WeightReport LoadWeights(this nn.Module module, string path, WeightLoadOptions? options = null, CancellationToken cancellationToken = default)
    {
        using TensorFile file = TensorFiles.Open(path);
        return Load(module, file, options ?? new WeightLoadOptions(), cancellationToken);
    }

    /// <summary>Loads weights as <see cref="LoadWeights"/> does, from safetensors and nothing else.</summary>
    /// <param name="module">The module.</param>
    /// <param name="path">A safetensors file or shard index.</param>
    /// <param name="options">Strictness and names; null for the defaults.</param>
    /// <param name="cancellationToken">Stops between pieces.</param>
    /// <exception cref="LowRankToolsException"><c>FormatUnexpected</c>: it is of another format. And those of <see cref="LoadWeights"/>.</exception>
    public static WeightReport LoadSafetensors(this nn.Module module, string path, WeightLoadOptions? options = null, CancellationToken cancellationToken = default)
    {
        using TensorFile file = TensorFiles.Open(path);
        if (file.Format != ModelFormat.Safetensors)
            throw new LowRankToolsException("FormatUnexpected", $"'{path}' is {file.Format}, not safetensors.", "LoadWeights reads every format.");
        return Load(module, file, options ?? new WeightLoadOptions(), cancellationToken);
    }

    /// <summary>Writes parameters and buffers as safetensors, under the names of the state dict. The name shows a whole file only.</summary>
    /// <param name="module">The module.</param>
    /// <param name="path">File to write; its folder is there.</param>
    /// <param name="overwrite">Whether a file of that name is replaced.</param>
    /// <param name="metadata">Free text for the header; null for none.</param>
    /// <exception cref="LowRankToolsException"><c>OutputExists</c>; <c>DTypeUnsupported</c>: an element type that safetensors has no name for.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void SaveSafetensors(this nn.Module module, string path, bool overwrite = false, IReadOnlyDictionary<string, string>? metadata = null) =>
        Write([.. Named(module)], path, overwrite, metadata);

    /// <summary>Writes tensors under names of the caller's.</summary>
    internal static void Write(IReadOnlyList<(string Name, Tensor Tensor)> named, string path, bool overwrite, IReadOnlyDictionary<string, string>? metadata)
    {
        path = Path.GetFullPath(path);
        if (!overwrite && File.Exists(path))
            throw new LowRankToolsException("OutputExists", $"'{path}' exists.", "Pass overwrite: true to replace it.");
        List<(TensorSpec Spec, Tensor Tensor)> tensors = [.. named.Select(t => (new TensorSpec(t.Name, FileType(t.Name, t.Tensor), [.. t.Tensor.shape]), t.Tensor))];
        using SafetensorsModelWriter writer = new(path, tensors.Select(t => t.Spec), metadata ?? new Dictionary<string, string>());
        foreach ((TensorSpec spec, Tensor tensor) in tensors)
        {
            writer.Begin(spec);
            using DisposeScope scope = NewDisposeScope();
            HostMemory.Each(tensor.detach().cpu().contiguous(), 0, tensor.numel(), (bytes, _) => writer.Write(bytes));
        }
        foreach (PendingFile pending in writer.Finish())
            pending.File.MoveTo(pending.Path, overwrite);
    }

    private static WeightReport Load(nn.Module module, TensorFile file, WeightLoadOptions options, CancellationToken cancellationToken)
    {
        Dictionary<string, Tensor> targets = Named(module).ToDictionary(t => t.Name, t => t.Tensor, StringComparer.Ordinal);
        HashSet<string> linear = [.. ModuleTree.Parameters(module).Where(p => p.Owner is Linear).Select(p => p.Name)];
        List<(string Name, TensorInfo Source, bool Turned)> fitting = [];
        List<string> unexpected = [];
        List<ShapeMismatch> mismatched = [];
        HashSet<string> met = new(StringComparer.Ordinal);
        foreach (TensorInfo tensor in file.Tensors)
        {
            if (options.Rename(tensor.Name) is not { } name)
                continue;
            if (!targets.TryGetValue(name, out Tensor? target) || !met.Add(name))
            {
                unexpected.Add(tensor.Name);
                continue;
            }
            bool turned = tensor.Role == TensorRole.MatMulRight && linear.Contains(name);
            long[] shape = [.. turned ? tensor.Shape.Reverse() : tensor.Shape];
            if (shape.SequenceEqual(target.shape))
                fitting.Add((name, tensor, turned));
            else
                mismatched.Add(new ShapeMismatch(name, target.shape, [.. tensor.Shape]));
        }
        WeightReport report = new([.. targets.Keys.Where(fitting.Select(f => f.Name).ToHashSet(StringComparer.Ordinal).Contains)], [.. targets.Keys.Where(k => !met.Contains(k))], unexpected, mismatched);
        if (options.Strict && !report.IsComplete)
            throw Refused(file.Path, report);
        foreach ((string name, TensorInfo source, bool turned) in fitting)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Copy(file, source, targets[name], turned, cancellationToken);
        }
        return report;
    }

    private static void Copy(TensorFile file, TensorInfo source, Tensor target, bool turned, CancellationToken cancellationToken)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradients = no_grad();
        // Quantized and eight-bit types have no counterpart: they come as float32.
        ScalarType? same = ElementTypes.ToTorch(source.DType);
        Tensor values = empty([.. source.Shape], same ?? ScalarType.Float32, CPU);
        int size = (int)values.element_size();
        HostMemory.Each(values, 0, values.numel(), (bytes, first) =>
        {
            for (int done = 0; done < bytes.Length; done += PieceBytes)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Span<byte> piece = bytes.Slice(done, Math.Min(PieceBytes, bytes.Length - done));
                if (same is not null)
                    file.ReadBytes(source, (first * size) + done, piece);
                else
                    file.ReadSingles(source, first + (done / size), System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(piece), cancellationToken);
            }
        });
        target.copy_(turned ? values.t() : values);
    }

    // TorchSharp's own state dict leaves out nothing that PyTorch's has.
    private static IEnumerable<(string Name, Tensor Tensor)> Named(nn.Module module) => module.state_dict().Select(entry => (entry.Key, entry.Value));

    private static TensorDType FileType(string name, Tensor tensor) => ElementTypes.ToFile(tensor.dtype) is { } type && SafetensorsModelWriter.Supports(type) ? type
        : throw new LowRankToolsException("DTypeUnsupported", $"{name}: safetensors has no name for {tensor.dtype}.", "Convert the tensor before it is written.");

    private static LowRankToolsException Refused(string path, WeightReport report)
    {
        string[] parts =
        [
            .. report.Missing.Count > 0 ? (string[])[$"it lacks {Some(report.Missing)}"] : [],
            .. report.Unexpected.Count > 0 ? (string[])[$"the module lacks {Some(report.Unexpected)}"] : [],
            .. report.Mismatched.Count > 0 ? (string[])[Some([.. report.Mismatched.Select(m => m.ToString())])] : [],
        ];
        return new LowRankToolsException("WeightsDoNotFit", $"'{path}' does not fit the module: {string.Join("; ", parts)}.", "Rename its tensors, or load with Strict = false what fits.");
    }

    private static string Some(IReadOnlyList<string> names) => names.Count <= 3 ? string.Join(", ", names) : $"{string.Join(", ", names.Take(3))} and {names.Count - 3} more";
}
