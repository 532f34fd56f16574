using LowRankTools.Formats;
using LowRankTools.Numerics;

namespace LowRankTools.Core;

/// <summary>Chooses a rank, or to stay dense, for every layer of a model.</summary>
internal sealed class MakePlan(Model model, FactorizeOptions options, IProgress<OperationProgress>? progress)
{
    private readonly BiasFinder _biases = new(model.Layers);

    /// <summary>Makes the plan. Only the energy rule reads values: it needs the layers' singular values.</summary>
    public RankPlan Run(CancellationToken cancellationToken)
    {
        options.Rule.Validate();
        List<ModelLayer> candidates = [.. model.Layers.Where(l => l.Shape.Kind <= LayerKind.Recurrent)];
        RequireNamedLayers();
        Dictionary<string, LayerPlan> plans = new(StringComparer.Ordinal);
        HashSet<string> tiedToDense = TiesThatKeepDense();
        for (int i = 0; i < candidates.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ModelLayer layer = candidates[i];
            if (options.Rule is RankRule.Energy)
                progress?.Report(new OperationProgress("Planning", layer.Shape.Name, i, candidates.Count));
            LayerPlan plan = layer.Shape.TiedTo is { } leader && plans.TryGetValue(leader, out LayerPlan? shared)
                ? shared with { Name = layer.Shape.Name, ParametersBefore = 0, Parameters = 0, BytesBefore = 0, Bytes = 0, TiedTo = leader }
                : Decide(layer, tiedToDense, cancellationToken);
            plans.Add(layer.Shape.Name, plan);
        }
        return new RankPlan
        {
            Rule = options.Rule.ToString(),
            Fingerprint = ModelFingerprint.Compute(model.File, cancellationToken),
            Layers = [.. candidates.Select(l => plans[l.Shape.Name])],
        };
    }

    private LayerPlan Decide(ModelLayer layer, HashSet<string> tiedToDense, CancellationToken cancellationToken)
    {
        KeepReason reason = options.Selection.Reason(layer);
        if (reason == KeepReason.None && tiedToDense.Contains(layer.Shape.Name))
            reason = KeepReason.TiedToDense;
        int rank = reason == KeepReason.None ? ChooseRank(layer, cancellationToken) : 0;
        if (reason == KeepReason.None && rank == 0)
            reason = KeepReason.BreakEven;
        return reason == KeepReason.None ? Pair(layer, rank) : Dense(layer, reason);
    }

    /// <summary>The rank that the rule asks for, or zero where the pair would not be smaller than the matrix.</summary>
    private int ChooseRank(ModelLayer layer, CancellationToken cancellationToken)
    {
        long inFeatures = layer.Shape.InFeatures!.Value, outFeatures = layer.Shape.OutFeatures!.Value;
        long rank = options.Rule switch
        {
            RankRule.Fixed(int value) => value,
            RankRule.KeepRatio(double ratio) => RankBounds.ForKeepRatio(outFeatures, inFeatures, ratio),
            RankRule.Energy(double share) => RankForEnergy(layer, share, cancellationToken),
            _ => throw new InvalidOperationException($"No such rule: {options.Rule}"),
        };
        bool pays = rank <= RankBounds.BreakEven(outFeatures, inFeatures) && PairParameters(layer.Shape, rank) < layer.Shape.Parameters;
        return pays ? (int)rank : 0;
    }

    private int RankForEnergy(ModelLayer layer, double share, CancellationToken cancellationToken)
    {
        using Matrix<float> weight = WeightMatrix.Read(model.File, layer.Tensor, cancellationToken);
        ITensorEngine engine = EngineSelector.Select(options.Engine).Create(options.Svd.ThreadCount, options.Svd.Seed);
        using ITensor loaded = engine.Load(weight.View);
        double[] values = WeightMatrix.Named(model, layer, () => SingularValues.Compute(engine, loaded, cancellationToken));
        double total = values.Sum(s => s * s), sum = 0;
        for (int k = 0; k < values.Length; k++)
        {
            sum += values[k] * values[k];
            if (sum >= share * total)
                return k + 1;
        }
        return Math.Max(1, values.Length);
    }

    private LayerPlan Pair(ModelLayer layer, int rank)
    {
        TensorDType dtype = OutputTypes.Factor(layer.Tensor.DType, options.DType);
        long parameters = PairParameters(layer.Shape, rank);
        return Dense(layer, KeepReason.None) with
        {
            Rank = rank,
            DType = dtype.ToString(),
            Parameters = parameters,
            Bytes = dtype.ByteLength(parameters),
        };
    }

    private LayerPlan Dense(ModelLayer layer, KeepReason reason)
    {
        TensorDType dtype = OutputTypes.Copy(layer.Tensor.DType, options.Format, options.DType);
        return new LayerPlan
        {
            Name = layer.Shape.Name,
            Kind = layer.Shape.Kind,
            Shape = layer.Shape.Shape,
            Reason = reason,
            DType = dtype.ToString(),
            ParametersBefore = layer.Shape.Parameters,
            Parameters = layer.Shape.Parameters,
            BytesBefore = layer.Shape.Bytes,
            Bytes = dtype.ByteLength(layer.Shape.Parameters),
        };
    }

    private long PairParameters(LayerShape shape, long rank) =>
        RankBounds.PairParameters(shape.OutFeatures!.Value, shape.InFeatures!.Value, rank) + AddedBiases(shape, rank);

    /// <summary>Zeros that are written because the receiving module has biases: the first factor's, and the second's where the layer had none.</summary>
    private long AddedBiases(LayerShape shape, long rank) =>
        !options.FirstBias || shape.Kind == LayerKind.Embedding ? 0 : rank + (_biases.Of(shape) is null ? shape.OutFeatures!.Value : 0);

    /// <summary>Storages that a tensor outside the selection looks into: factorizing the others would untie them and grow the model.</summary>
    private HashSet<string> TiesThatKeepDense()
    {
        HashSet<string> leaders = new(StringComparer.Ordinal);
        Dictionary<string, ModelLayer> byName = model.Layers.ToDictionary(l => l.Shape.Name, StringComparer.Ordinal);
        foreach (ModelLayer layer in model.Layers.Where(l => l.Shape.TiedTo is not null))
        {
            ModelLayer leader = byName[layer.Shape.TiedTo!];
            bool alike = TensorTies.SameData(layer.Tensor, leader.Tensor) && layer.Shape.Orientation == leader.Shape.Orientation;
            if (!alike || options.Selection.Reason(layer) != KeepReason.None)
                leaders.Add(leader.Shape.Name);
        }
        return leaders;
    }

    private void RequireNamedLayers()
    {
        if (options.Selection.Names is not { } names)
            return;
        HashSet<string> known = model.Layers.Select(l => l.Shape.Name).ToHashSet(StringComparer.Ordinal);
        if (names.FirstOrDefault(n => !known.Contains(n)) is { } missing)
        {
            throw new LowRankToolsException(CoreErrors.LayerNotFound, $"{model.Source.Path}: there is no layer '{missing}'.",
                "Pipe layers that Get-LayerShapes found in this very model.");
        }
    }
}
