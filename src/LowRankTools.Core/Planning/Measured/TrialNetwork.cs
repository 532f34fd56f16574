using LowRankTools.Core.Architectures;
using LowRankTools.Core.Calibration;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Factors;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning.Candidates;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Quality;
using LowRankTools.Core.Records;
using LowRankTools.Core.Storage;
using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Formats.Tensors;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Core.Planning.Measured;

/// <summary>A network that runs with any ranks in its planned layers, and the figure that it reaches with them.</summary>
internal sealed class TrialNetwork : IDisposable
{
    private readonly RunnableModel _network;
    private readonly MeasureQuality _measure;
    private readonly Dictionary<PlanCandidate, ITrialLayer> _layers = [];
    private readonly Dictionary<PlanCandidate, int?> _shown = [];

    /// <summary>Loads the network and computes the factors of every layer once.</summary>
    /// <param name="model">The opened model.</param>
    /// <param name="open">The layers that ranks are tried in.</param>
    /// <param name="options">Calibration, engine, text.</param>
    /// <param name="progress">Told about every layer.</param>
    /// <param name="cancellationToken">Stops inside the mathematics too.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: a layer is no linear map or embedding in the network; and those of a calibration, of tokenizers and of opening a model.</exception>
    public TrialNetwork(Model model, IReadOnlyList<PlanCandidate> open, PlanOptions options, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        MeasuredPlanOptions use = options.Measured!;
        SelectedEngine engine = EngineSelector.Select(options.Engine);
        _network = RunnableModel.Open(model.Source, engine.CreateForNetworks(options.Svd.ThreadCount), progress, cancellationToken);
        try
        {
            _measure = new MeasureQuality(new QualityOptions { Input = use.Input, Pooling = use.Pooling, BatchSize = use.BatchSize, Engine = options.Engine, ThreadCount = options.Svd.ThreadCount }, model.Source);
            Measure = QualityMeasures.For(use.Measure, _network.Config);
            using CalibrationFile? calibration = options.Calibration is { } file ? CalibrationFile.Open(file.Path) : null;
            ILookup<string, Slot> places = LayerPlaces.Of(_network);
            foreach (PlanCandidate candidate in open)
            {
                cancellationToken.ThrowIfCancellationRequested();
                progress?.Report(new OperationProgress("Factorizing for trials", candidate.Name, _layers.Count, open.Count));
                _shown.Add(candidate, null);
                if (candidate.Options is { } made ? made.Count == 0 : candidate.Override is null && !candidate.Cost.Pays(options.FirstRank))
                    continue; // It is dense in every trial.
                Slot[] slots = [.. places[candidate.Name]];
                if (slots.Length == 0)
                {
                    throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{model.Source.Path}: '{candidate.Name}' is no linear layer of its own in the network ({_network.Config.ModelType}), so ranks of it are not measured.",
                        "Leave it out with -Exclude, or plan without a text.");
                }
                if (candidate.Options is { } choices && options.Method != FactorMethod.Pivoted)
                {
                    _layers.Add(candidate, new TrialCores(_network.Engine, slots, choices, choice => Cores(model, candidate, choice, options, cancellationToken)));
                    continue;
                }
                ITensorEngine computes = engine.Create(options.Svd.ThreadCount, options.Svd.Seed);
                using LayerCalibration? known = calibration?.Has(candidate.Name) == true ? calibration.Read(candidate.Layer!.Shape, computes, cancellationToken) : null;
                using Matrix<float> weight = WeightMatrix.Read(model.File, candidate.Layer!.Tensor, cancellationToken);
                LayerFactors factors = PairComputation.Factorize(model, candidate.Layer!, weight, computes, known, options.Calibration, LargestRank(candidate), FactorSplit.Balanced, new FactorStorage(TensorDType.F32, null), options.Svd, cancellationToken);
                _layers.Add(candidate, new TrialFactors(_network.Engine, slots, factors, candidate.Options));
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>What is measured.</summary>
    public QualityMeasure Measure { get; }

    /// <summary>The figure at some ranks; null of a layer is dense.</summary>
    /// <param name="ranks">For each layer its rank, or the number of its option.</param>
    /// <param name="cancellationToken">Stops the run.</param>
    public ModelQuality Run(IEnumerable<(PlanCandidate Layer, int? Rank)> ranks, CancellationToken cancellationToken)
    {
        foreach ((PlanCandidate layer, int? rank) in ranks)
        {
            if (_shown[layer] == rank)
                continue;
            _layers[layer].Show(rank);
            _shown[layer] = rank;
        }
        return _measure.Run(_network, null, cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (ITrialLayer layer in _layers.Values)
            layer.Dispose();
        _network.Dispose();
    }

    private static IReadOnlyList<Tensor> Cores(Model model, PlanCandidate candidate, FactorChoice choice, PlanOptions options, CancellationToken cancellationToken)
    {
        using Tensor weight = LayerWeight.Read(model.File, candidate.Layer!, cancellationToken);
        return LayerMethods.Find(choice.Method).Factorize(weight, choice.Numbers, new ComputeOptions { ThreadCount = options.Svd.ThreadCount, Seed = options.Svd.Seed }, null, cancellationToken);
    }

    /// <summary>The largest rank that a trial can ask for.</summary>
    private static int LargestRank(PlanCandidate candidate)
    {
        if (candidate.Options is { } options)
            return options.Max(o => o.Choice.Largest);
        (long rows, long columns) = candidate.Cost.Size;
        return candidate.Override?.Rank ?? (int)Math.Max(1, Math.Min(RankBounds.BreakEven(rows, columns), Math.Min(rows, columns)));
    }
}
