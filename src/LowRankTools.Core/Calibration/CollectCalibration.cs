using System.Runtime.InteropServices;
using LowRankTools.Formats;
using LowRankTools.Networks;
using LowRankTools.Numerics;

namespace LowRankTools.Core;

/// <summary>
/// Runs a model on inputs and writes what its dense linear layers were fed as a calibration file: Gram matrices in
/// float64, and with held-out inputs those of inputs that nothing will be fitted on.
/// </summary>
/// <param name="model">The network, with its weights.</param>
public sealed class CollectCalibration(RunnableModel model)
{
    private readonly List<(Linear Layer, string Name)> _layers = [.. Layers(model)];

    /// <summary>Whether an existing file is replaced.</summary>
    public bool Force { get; init; }

    /// <summary>Collects and writes.</summary>
    /// <param name="batches">Inputs to fit on: real ones, more tokens than the widest layer has inputs.</param>
    /// <param name="heldOut">Inputs to judge on; none leaves that part out.</param>
    /// <param name="path">The file, safetensors.</param>
    /// <param name="progress">Told about every batch.</param>
    /// <param name="cancellationToken">Stops the run; nothing is left behind.</param>
    /// <returns>Full path, layers and tokens.</returns>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: no inputs, or some with fill; <c>OutputExists</c>, and those of a run.</exception>
    public CollectedCalibration Run(IReadOnlyList<NetworkBatch> batches, IReadOnlyList<NetworkBatch> heldOut, string path, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        if (batches.Count == 0)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "A calibration needs inputs.", "Give at least one batch.");
        if (batches.Concat(heldOut).Any(HasFill))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "Sequences that are filled up would count their fill.", "Give sequences of one length, or one at a time.");
        string full = Path.GetFullPath(path);
        OutputCheck.Free([full], Force);
        int total = batches.Count + heldOut.Count;
        using GramCollector grams = Collect(batches, 0, total, progress, cancellationToken);
        // A head that nothing uses is fed nothing.
        List<(Linear Layer, string Name)> fed = [.. _layers.Where(l => grams.Of(l.Layer) is not null)];
        List<TensorSpec> specs = [.. fed.SelectMany(l => Specs(l, "").Append(new TensorSpec($"{l.Name}.{CalibrationNames.Count}", TensorDType.F64, [1])))];
        if (heldOut.Count > 0)
            specs.AddRange(fed.SelectMany(l => Specs(l, CalibrationNames.HeldOut)));
        using SafetensorsModelWriter writer = new(full, specs, new Dictionary<string, string>(StringComparer.Ordinal));
        foreach ((Linear layer, string name) in fed)
        {
            (ITensor sum, long count) = grams.Of(layer)!.Value;
            Write(writer, new TensorSpec($"{name}.{CalibrationNames.Gram}", TensorDType.F64, [layer.InFeatures, layer.InFeatures]), model.Engine.ToArray(sum));
            Write(writer, new TensorSpec($"{name}.{CalibrationNames.Count}", TensorDType.F64, [1]), [count]);
        }
        grams.Dispose();
        if (heldOut.Count > 0)
        {
            using GramCollector judged = Collect(heldOut, batches.Count, total, progress, cancellationToken);
            foreach ((Linear layer, string name) in fed)
                Write(writer, Specs((layer, name), CalibrationNames.HeldOut).Single(), model.Engine.ToArray(judged.Of(layer)!.Value.Sum));
        }
        return new CollectedCalibration(writer.Complete(replace: Force)[0], fed.Count, batches.Sum(b => (long)b.TokenCount), heldOut.Sum(b => (long)b.TokenCount));
    }

    private GramCollector Collect(IReadOnlyList<NetworkBatch> batches, int done, int total, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        GramCollector grams = new(model.Engine);
        try
        {
            for (int i = 0; i < batches.Count; i++)
            {
                progress?.Report(new OperationProgress("Collecting", $"batch {done + i + 1}", done + i, total));
                using Pass pass = Pass.Inference(model.Engine, cancellationToken);
                grams.Watch(pass);
                model.Network.Forward(pass, batches[i]).Dispose();
            }
            return grams;
        }
        catch
        {
            grams.Dispose();
            throw;
        }
    }

    private static IEnumerable<TensorSpec> Specs((Linear Layer, string Name) layer, string part) =>
        [new TensorSpec($"{layer.Name}.{part}{CalibrationNames.Gram}", TensorDType.F64, [layer.Layer.InFeatures, layer.Layer.InFeatures])];

    private static void Write(SafetensorsModelWriter writer, TensorSpec spec, double[] values)
    {
        writer.Begin(spec);
        writer.Write(MemoryMarshal.AsBytes<double>(values));
    }

    private static bool HasFill(NetworkBatch batch) => batch switch
    {
        TokenBatch tokens => tokens.Mask?.Contains(false) == true,
        PairBatch pair => HasFill(pair.Source) || HasFill(pair.Target),
        _ => false,
    };

    /// <summary>Dense linear layers outside pairs, under the names of their weights in the file.</summary>
    private static IEnumerable<(Linear Layer, string Name)> Layers(RunnableModel model)
    {
        HashSet<string> pairs = [.. model.PairLayers];
        foreach ((string name, Module module) in model.Network.Modules())
        {
            if (module is Linear linear && !pairs.Contains(name[..Math.Max(0, name.LastIndexOf('.'))]) && model.Tensors.TryGetValue(name + ".weight", out string? tensor))
                yield return (linear, LayerNames.Module(tensor));
        }
    }
}

/// <summary>A calibration file that was collected.</summary>
/// <param name="Path">Full path of the file.</param>
/// <param name="Layers">Layers that it knows.</param>
/// <param name="Tokens">Tokens that layers are fitted on.</param>
/// <param name="HeldOutTokens">Tokens that they are judged on.</param>
public sealed record CollectedCalibration(string Path, int Layers, long Tokens, long HeldOutTokens);
