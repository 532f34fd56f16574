using LowRankTools.Core.Architectures;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Output;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Quality;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Calibration;
using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Calibration.Collecting;

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

    /// <summary>Whether the gradients of the next token's loss at the weights are collected too: what <see cref="Weighting.FirstOrder"/> scores directions by.</summary>
    public bool WeightGradients { get; init; }

    /// <summary>How an embedding is made whose gradients are taken; null for what suits the network.</summary>
    public Pooling? Pooling { get; init; }

    /// <summary>Chooses the signs of projections.</summary>
    public ulong Seed { get; init; }

    /// <summary>Where sums are saved as they grow, and taken up again; null for nowhere. It is gone when the file is written.</summary>
    internal CalibrationCheckpoint? Checkpoint { get; init; }

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
        using GramCollector grams = new(model.Engine);
        model.Network.ClearGradients();
        int resumed = Checkpoint?.Restore(model.Engine, grams, _layers, batches.Count) ?? 0;
        Collect(grams, batches, resumed, Source, 0, total, Checkpoint, progress, cancellationToken);
        // A head that nothing uses is fed nothing.
        List<(Linear Layer, string Name)> fed = [.. _layers.Where(l => grams.Of(l.Layer) is not null)], learned = [.. fed.Where(l => grams.GradientsOf(l.Layer) is not null)];
        List<TensorSpec> specs = [.. fed.SelectMany(l => (TensorSpec[])[CalibrationTensors.Gram(l.Layer, l.Name, ""), CalibrationTensors.Count(l.Name)]), .. learned.Select(l => CalibrationTensors.OutputGram(l.Layer, l.Name))];
        if (WeightGradients)
            specs.AddRange(learned.Select(l => CalibrationTensors.WeightGradient(l.Layer, l.Name)));
        if (heldOut.Count > 0)
            specs.AddRange(fed.Select(l => CalibrationTensors.Gram(l.Layer, l.Name, CalibrationNames.HeldOut)));
        using SafetensorsModelWriter writer = new(full, specs, new Dictionary<string, string>(StringComparer.Ordinal));
        foreach ((Linear layer, string name) in fed)
        {
            (ITensor sum, long count) = grams.Of(layer)!.Value;
            CalibrationTensors.Write(writer, CalibrationTensors.Gram(layer, name, ""), model.Engine.ToArray(sum));
            CalibrationTensors.Write(writer, CalibrationTensors.Count(name), [count]);
        }
        foreach ((Linear layer, string name) in learned)
            CalibrationTensors.Write(writer, CalibrationTensors.OutputGram(layer, name), model.Engine.ToArray(grams.GradientsOf(layer)!));
        if (WeightGradients)
            learned.ForEach(l => CalibrationTensors.Write(writer, CalibrationTensors.WeightGradient(l.Layer, l.Name), model.Engine.ToArray(l.Layer.Weight.Gradient!)));
        grams.Dispose();
        model.Network.ClearGradients();
        if (heldOut.Count > 0)
        {
            using GramCollector judged = new(model.Engine);
            Collect(judged, heldOut, 0, GradientSource.None, batches.Count, total, null, progress, cancellationToken);
            foreach ((Linear layer, string name) in fed)
                CalibrationTensors.Write(writer, CalibrationTensors.Gram(layer, name, CalibrationNames.HeldOut), model.Engine.ToArray(judged.Of(layer)!.Value.Sum));
        }
        string written = writer.Complete(replace: Force)[0];
        Checkpoint?.Remove();
        return new CollectedCalibration(written, fed.Count, batches.Sum(Tokens), heldOut.Sum(Tokens))
        {
            ResumedAt = resumed,
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
        if (WeightGradients && Source != GradientSource.NextToken)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "Gradients at the weights are those of a loss, the next token's.", "Leave -WeightGradient out for models that predict none, or without their gradients.");
        if (Source != GradientSource.None && batches.Any(b => b is not TokenBatch))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "Gradients are collected on batches of tokens only.", "Collect inputs alone.");
    }

    private void Collect(GramCollector grams, IReadOnlyList<NetworkBatch> batches, int first, GradientSource source, int done, int total, CalibrationCheckpoint? checkpoint, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        CalibrationGradients gradients = new(model, source, QualityOptions.PoolingOf(Pooling, model.Config), Seed);
        List<Parameter> trainable = [.. model.Network.Parameters().Where(p => p.Trainable)];
        try
        {
            // The gradients that are wanted are those of activations, and of the weights only where they were asked for.
            trainable.ForEach(p => p.Trainable = false);
            if (WeightGradients && source != GradientSource.None)
                _layers.ForEach(l => l.Layer.Weight.Trainable = true);
            // The signs of a projection go by the number of the text, from the first one on.
            int text = batches.Take(first).OfType<TokenBatch>().Sum(b => b.Sequences);
            for (int i = first; i < batches.Count; i++)
            {
                progress?.Report(new OperationProgress("Collecting", $"batch {done + i + 1}", done + i, total));
                bool[]? mask = (batches[i] as TokenBatch)?.Mask;
                using (Pass pass = source == GradientSource.None ? Pass.Inference(model.Engine, cancellationToken) : Pass.Training(model.Engine, ct: cancellationToken))
                {
                    grams.Watch(pass, mask);
                    if (source == GradientSource.None)
                        model.Network.Forward(pass, batches[i]).Dispose();
                    else
                        gradients.Run(pass, (TokenBatch)batches[i], [.. Enumerable.Range(text, ((TokenBatch)batches[i]).Sequences)]);
                }
                text += (batches[i] as TokenBatch)?.Sequences ?? 0;
                if (checkpoint?.IsDue(i + 1, batches.Count) == true)
                    checkpoint.Save(model.Engine, grams, _layers, i + 1);
            }
        }
        finally
        {
            _layers.ForEach(l => l.Layer.Weight.Trainable = false);
            trainable.ForEach(p => p.Trainable = true);
        }
    }

    private static long Tokens(NetworkBatch batch) => batch is TokenBatch { Mask: { } mask } ? mask.Count(m => m) : batch.TokenCount;

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
    /// <summary>Batches that a checkpoint had done already.</summary>
    public int ResumedAt { get; init; }

    /// <summary>Layers that the gradients did not come to, such as a head that the embedding does not use; empty where none were collected.</summary>
    public IReadOnlyList<string> WithoutGradients { get; init; } = [];
}
