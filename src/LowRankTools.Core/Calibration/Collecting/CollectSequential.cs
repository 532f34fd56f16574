using System.Runtime.InteropServices;
using LowRankTools.Core.Architectures;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Factors;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Planning.Measured;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Core.Storage;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Calibration.Collecting;

/// <summary>
/// Collects what the layers of a plan are fed once those before them are compressed: from the first layer to the last, the original and the
/// network compressed so far are run on the same tokens, and the pair that the sums make goes into the network before the next ones are collected.
/// A truncation with this file is the closed form that AA-SVD anchors at the original's outputs (min ||W X - W' Y||, <see cref="SequentialTarget"/>). Where the plan was made with gradients at the
/// layers' outputs, their Gram matrices H weigh what is lost, tr(H (W X - W' Y)(W X - W' Y)^T), as the network is compressed and in the file.
/// </summary>
/// <param name="source">The model.</param>
/// <param name="plan">Ranks for it.</param>
/// <param name="options">Engine, threads.</param>
internal sealed class CollectSequential(ModelSource source, RankPlan plan, ExportCalibrationOptions options)
{
    private readonly SelectedEngine _engine = EngineSelector.SelectForNetworks(options.Engine, options.ThreadCount);

    /// <summary>Collects and writes.</summary>
    /// <param name="fitted">Tokens to fit on.</param>
    /// <param name="judged">Tokens to judge on; none leaves that part out.</param>
    /// <param name="path">The file.</param>
    /// <param name="progress">Told about every batch.</param>
    /// <param name="cancellationToken">Stops; nothing is left behind.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: a planned layer is no linear one of the network; <c>PlanModelMismatch</c>, <c>PathNotFound</c> and <c>CalibrationInvalid</c> of the plan's calibration, and those of opening a model.</exception>
    public CollectedCalibration Run(IReadOnlyList<TokenBatch> fitted, IReadOnlyList<TokenBatch> judged, string path, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        using Model model = Model.Open(source);
        RankPlan carried = new ReplayPlan(plan, anyModel: false).On(model, new StoredAs(null), cancellationToken);
        INetworkEngine engine = _engine.CreateForNetworks(options.ThreadCount);
        using RunnableModel original = RunnableModel.Open(source, engine, progress, cancellationToken), network = RunnableModel.Open(source, engine, progress, cancellationToken);
        Dictionary<Linear, (ModelLayer, int)> planned = Planned(model, carried, original);
        List<SequentialStage> stages = SequentialStage.Of(original, planned, fitted[0], cancellationToken);
        List<ModelLayer> layers = [.. stages.SelectMany(s => s.Layers).Select(l => l.Layer)];
        using LayerCalibrations? weighed = plan.Calibration is { } made ? LayerCalibrations.Open(Existing(made)) : null;
        using SafetensorsModelWriter writer = new(path, [.. layers.SelectMany(l => Specs(l, judged.Count > 0, weighed?.GradientShape(l.Shape)))], new Dictionary<string, string>(StringComparer.Ordinal));
        List<TrialFactors> shown = [];
        try
        {
            ILookup<string, Slot> places = LayerPlaces.Of(network), originals = LayerPlaces.Of(original);
            int done = 0, total = stages.Count * (fitted.Count + judged.Count);
            foreach (SequentialStage stage in stages)
            {
                (Linear before, Linear after) = (At(originals, stage), At(places, stage));
                InputGrams Sums(IReadOnlyList<TokenBatch> batches, out long count)
                {
                    using SequentialSums sums = new(engine);
                    foreach (TokenBatch batch in batches)
                    {
                        progress?.Report(new OperationProgress("Collecting", stage.Layers[0].Layer.Shape.Name, done++, total));
                        using ITensor x = Inputs(original, before, batch, cancellationToken), y = Inputs(network, after, batch, cancellationToken);
                        sums.Add(x, y, cancellationToken);
                    }
                    count = sums.Count;
                    return sums.ToGrams();
                }
                using InputGrams grams = Sums(fitted, out long tokens);
                using InputGrams? heldOut = judged.Count > 0 ? Sums(judged, out _) : null;
                foreach ((ModelLayer layer, int rank) in stage.Layers)
                {
                    using LayerCalibration? known = weighed?.Find(layer.Shape, engine, cancellationToken);
                    Gram? outputs = known?.OutputGradients;
                    Write(writer, layer, grams, heldOut, outputs, tokens);
                    shown.Add(new TrialFactors(engine, [.. places[layer.Shape.Name]], Factors(model, layer, rank, grams, outputs, tokens, cancellationToken)));
                }

                // Only now: the layers of a stage are fed the same.
                for (int i = shown.Count - stage.Layers.Count; i < shown.Count; i++)
                    shown[i].Show(stage.Layers[i - (shown.Count - stage.Layers.Count)].Rank);
            }
            return new CollectedCalibration(writer.Complete(replace: options.Force)[0], layers.Count, fitted.Sum(Tokens), judged.Sum(Tokens));
        }
        finally
        {
            shown.ForEach(s => s.Dispose());
        }
    }

    private static CalibrationOptions Existing(PlanCalibration made) => File.Exists(made.Path) ? made.ToOptions()
        : throw new LowRankToolsException(CoreErrors.PathNotFound, $"{made.Path}: the plan was made with this calibration, which is not there any more and may have the gradients that weigh what is lost.", "Put it back, or plan anew.");

    private Dictionary<Linear, (ModelLayer, int)> Planned(Model model, RankPlan carried, RunnableModel network)
    {
        ILookup<string, Slot> places = LayerPlaces.Of(network);
        Dictionary<string, ModelLayer> layers = model.Layers.ToDictionary(l => l.Shape.Name, StringComparer.Ordinal);
        Dictionary<Linear, (ModelLayer, int)> planned = new(ReferenceEqualityComparer.Instance);
        foreach (LayerPlan layer in carried.Layers.Where(l => l.Rank is not null && l.TiedTo is null))
        {
            planned[places[layer.Name].Select(s => s.Child).OfType<Linear>().FirstOrDefault() ?? throw new LowRankToolsException(CoreErrors.OptionInvalid,
                $"{source.Path}: '{layer.Name}', which the plan gives a rank, is no linear layer of its own in the network ({network.Config.ModelType}).", "Plan without it, or collect without a plan.")] = (layers[layer.Name], layer.Rank!.Value);
        }
        return planned.Count > 0 ? planned : throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{source.Path}: the plan leaves every layer dense, so all of them are fed what they were.", "Collect without a plan.");
    }

    private LayerFactors Factors(Model model, ModelLayer layer, int rank, InputGrams grams, Gram? outputs, long tokens, CancellationToken cancellationToken)
    {
        // Its grams are disposed of by whoever made them.
        LayerCalibration calibration = new() { Inputs = grams, Magnitudes = [], Count = tokens, OutputGradients = outputs };
        using Matrix<float> weight = WeightMatrix.Read(model.File, layer.Tensor, cancellationToken);
        SvdOptions svd = new() { Seed = options.Seed, ThreadCount = options.ThreadCount };
        return PairComputation.Factorize(model, layer, weight, _engine.Create(options.ThreadCount, options.Seed), calibration, new CalibrationOptions { Path = source.Path, Mode = outputs is null ? CalibrationMode.Inputs : CalibrationMode.Full }, rank,
            FactorSplit.Balanced, new FactorStorage(TensorDType.F32, null), svd, cancellationToken);
    }

    private static Linear At(ILookup<string, Slot> places, SequentialStage stage) => places[stage.Layers[0].Layer.Shape.Name].Select(s => s.Child).OfType<Linear>().First();

    private static ITensor Inputs(RunnableModel model, Linear wanted, TokenBatch batch, CancellationToken cancellationToken)
    {
        ITensor? inputs = null;
        using Pass pass = Pass.Inference(model.Engine, cancellationToken);
        int[]? rows = batch.Mask is { } mask && mask.Contains(false) ? [.. Enumerable.Range(0, mask.Length).Where(i => mask[i])] : null;
        pass.LinearInput = (layer, x) =>
        {
            // A layer that is shared is calibrated where it comes first.
            if (layer != wanted || inputs is not null)
                return;
            if (rows is null || batch.Mask!.Length != x.Shape[0])
            {
                inputs = model.Engine.Copy(x, x.ElementType);
                return;
            }
            inputs = model.Engine.Uninitialized(x.ElementType, rows.Length, x.Shape[1]);
            model.Engine.Gather(x, rows, inputs, cancellationToken);
        };
        model.Network.Forward(pass, batch).Dispose();
        return inputs!;
    }

    private static long Tokens(TokenBatch batch) => batch.Mask is { } mask ? mask.Count(m => m) : batch.TokenCount;

    private static IEnumerable<TensorSpec> Specs(ModelLayer layer, bool heldOut, long[]? gradients)
    {
        string name = LayerNames.Module(layer.Shape.Name);
        long width = layer.Shape.InFeatures!.Value;
        TensorSpec Square(string part) => new($"{name}.{part}", TensorDType.F64, [width, width]);
        yield return new TensorSpec($"{name}.{CalibrationNames.Count}", TensorDType.F64, [1]);
        if (gradients is not null)
            yield return new TensorSpec($"{name}.{CalibrationNames.OutputGram}", TensorDType.F64, [.. gradients]);
        foreach (string prefix in (string[])(heldOut ? ["", CalibrationNames.HeldOut] : [""]))
        {
            yield return Square(prefix + CalibrationNames.Gram);
            yield return Square(prefix + CalibrationNames.CrossGram);
            yield return Square(prefix + CalibrationNames.CompressedGram);
        }
    }

    private static void Write(SafetensorsModelWriter writer, ModelLayer layer, InputGrams fitted, InputGrams? heldOut, Gram? outputs, long tokens)
    {
        double[][] values = [[tokens], .. outputs is null ? [] : (double[][])[outputs.Diagonal ?? outputs.Dense!.ToArray()], .. Parts(fitted), .. heldOut is null ? [] : Parts(heldOut)];
        foreach ((TensorSpec spec, double[] entries) in Specs(layer, heldOut is not null, outputs is null ? null : outputs.Diagonal is { } diagonal ? [diagonal.Length] : [outputs.Size, outputs.Size]).Zip(values))
        {
            writer.Begin(spec);
            writer.Write(MemoryMarshal.AsBytes<double>(entries));
        }
    }

    private static double[][] Parts(InputGrams grams) => [grams.Original.Dense!.ToArray(), grams.Cross!.ToArray(), grams.Compressed!.Dense!.ToArray()];
}
