using System.Runtime.InteropServices;
using LowRankTools.Formats;
using LowRankTools.Networks;
using LowRankTools.Numerics;

namespace LowRankTools.Core;

/// <summary>
/// Runs a model on inputs and writes what its dense linear layers were fed as a calibration file: Gram matrices in
/// float64, with gradients those of them at the outputs too, and with held-out inputs those of inputs that nothing will be fitted on.
/// Fill of batches of tokens counts nowhere.
/// </summary>
/// <param name="model">The network, with its weights.</param>
public sealed class CollectCalibration(RunnableModel model)
{
    private readonly List<(Linear Layer, string Name)> _layers = [.. Layers(model)];

    /// <summary>Whether an existing file is replaced.</summary>
    public bool Force { get; init; }

    /// <summary>What the gradients at the outputs are those of; batches of tokens only.</summary>
    public GradientSource Gradients { get; init; } = GradientSource.None;

    /// <summary>How an embedding is made whose gradients are taken; null for what suits the network.</summary>
    public Pooling? Pooling { get; init; }

    /// <summary>Chooses the signs of projections.</summary>
    public ulong Seed { get; init; }

    /// <summary>Collects and writes.</summary>
    /// <param name="batches">Inputs to fit on: real ones, more tokens than the widest layer has inputs.</param>
    /// <param name="heldOut">Inputs to judge on; none leaves that part out.</param>
    /// <param name="path">The file, safetensors.</param>
    /// <param name="progress">Told about every batch.</param>
    /// <param name="cancellationToken">Stops the run; nothing is left behind.</param>
    /// <returns>Full path, layers and tokens.</returns>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: no inputs, pairs with fill, or gradients of what is no batch of tokens; <c>OutputExists</c>, and those of a run.</exception>
    public CollectedCalibration Run(IReadOnlyList<NetworkBatch> batches, IReadOnlyList<NetworkBatch> heldOut, string path, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        Check(batches, heldOut);
        string full = Path.GetFullPath(path);
        OutputCheck.Free([full], Force);
        int total = batches.Count + heldOut.Count;
        using GramCollector grams = Collect(batches, Source, 0, total, progress, cancellationToken);
        // A head that nothing uses is fed nothing.
        List<(Linear Layer, string Name)> fed = [.. _layers.Where(l => grams.Of(l.Layer) is not null)], learned = [.. fed.Where(l => grams.GradientsOf(l.Layer) is not null)];
        List<TensorSpec> specs = [.. fed.SelectMany(l => (TensorSpec[])[Gram(l, ""), Count(l)]), .. learned.Select(OutputGram)];
        if (heldOut.Count > 0)
            specs.AddRange(fed.Select(l => Gram(l, CalibrationNames.HeldOut)));
        using SafetensorsModelWriter writer = new(full, specs, new Dictionary<string, string>(StringComparer.Ordinal));
        foreach ((Linear Layer, string Name) layer in fed)
        {
            (ITensor sum, long count) = grams.Of(layer.Layer)!.Value;
            Write(writer, Gram(layer, ""), model.Engine.ToArray(sum));
            Write(writer, Count(layer), [count]);
        }
        foreach ((Linear Layer, string Name) layer in learned)
            Write(writer, OutputGram(layer), model.Engine.ToArray(grams.GradientsOf(layer.Layer)!));
        grams.Dispose();
        if (heldOut.Count > 0)
        {
            using GramCollector judged = Collect(heldOut, GradientSource.None, batches.Count, total, progress, cancellationToken);
            foreach ((Linear Layer, string Name) layer in fed)
                Write(writer, Gram(layer, CalibrationNames.HeldOut), model.Engine.ToArray(judged.Of(layer.Layer)!.Value.Sum));
        }
        string written = writer.Complete(replace: Force)[0];
        return new CollectedCalibration(written, fed.Count, batches.Sum(Tokens), heldOut.Sum(Tokens))
        {
            WithoutGradients = Source == GradientSource.None ? [] : fed.Except(learned).Select(l => l.Name).ToArray(),
        };
    }

    private GradientSource Source => Gradients == GradientSource.None ? GradientSource.None : CalibrationGradients.SourceOf(Gradients, model.Config);

    private void Check(IReadOnlyList<NetworkBatch> batches, IReadOnlyList<NetworkBatch> heldOut)
    {
        if (batches.Count == 0)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "A calibration needs inputs.", "Give at least one batch.");
        if (batches.Concat(heldOut).Any(b => b is PairBatch pair && (pair.Source.Mask ?? pair.Target.Mask)?.Contains(false) == true))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "Pairs of sequences that are filled up would count their fill.", "Give sequences of one length, or one at a time.");
        if (Source != GradientSource.None && batches.Any(b => b is not TokenBatch))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "Gradients are collected on batches of tokens only.", "Collect inputs alone.");
    }

    private GramCollector Collect(IReadOnlyList<NetworkBatch> batches, GradientSource source, int done, int total, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        GramCollector grams = new(model.Engine);
        CalibrationGradients gradients = new(model, source, QualityOptions.PoolingOf(Pooling, model.Config), Seed);
        List<Parameter> trainable = [.. model.Network.Parameters().Where(p => p.Trainable)];
        try
        {
            // The gradients that are wanted are those of activations.
            trainable.ForEach(p => p.Trainable = false);
            for (int i = 0, text = 0; i < batches.Count; i++)
            {
                progress?.Report(new OperationProgress("Collecting", $"batch {done + i + 1}", done + i, total));
                bool[]? mask = (batches[i] as TokenBatch)?.Mask;
                using Pass pass = source == GradientSource.None ? Pass.Inference(model.Engine, cancellationToken) : Pass.Training(model.Engine, ct: cancellationToken);
                grams.Watch(pass, mask);
                if (source == GradientSource.None)
                {
                    model.Network.Forward(pass, batches[i]).Dispose();
                    continue;
                }
                TokenBatch tokens = (TokenBatch)batches[i];
                gradients.Run(pass, tokens, [.. Enumerable.Range(text, tokens.Sequences)]);
                text += tokens.Sequences;
            }
            return grams;
        }
        catch
        {
            grams.Dispose();
            throw;
        }
        finally
        {
            trainable.ForEach(p => p.Trainable = true);
        }
    }

    private static TensorSpec Gram((Linear Layer, string Name) layer, string part) =>
        new($"{layer.Name}.{part}{CalibrationNames.Gram}", TensorDType.F64, [layer.Layer.InFeatures, layer.Layer.InFeatures]);

    private static TensorSpec OutputGram((Linear Layer, string Name) layer) =>
        new($"{layer.Name}.{CalibrationNames.OutputGram}", TensorDType.F64, [layer.Layer.OutFeatures, layer.Layer.OutFeatures]);

    private static TensorSpec Count((Linear Layer, string Name) layer) => new($"{layer.Name}.{CalibrationNames.Count}", TensorDType.F64, [1]);

    private static long Tokens(NetworkBatch batch) => batch is TokenBatch { Mask: { } mask } ? mask.Count(m => m) : batch.TokenCount;

    private static void Write(SafetensorsModelWriter writer, TensorSpec spec, double[] values)
    {
        writer.Begin(spec);
        writer.Write(MemoryMarshal.AsBytes<double>(values));
    }

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
/// <param name="Tokens">Tokens that layers are fitted on, without fill.</param>
/// <param name="HeldOutTokens">Tokens that they are judged on.</param>
public sealed record CollectedCalibration(string Path, int Layers, long Tokens, long HeldOutTokens)
{
    /// <summary>Layers that the gradients did not come to, such as a head that the embedding does not use; empty where none were collected.</summary>
    public IReadOnlyList<string> WithoutGradients { get; init; } = [];
}
