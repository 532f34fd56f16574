using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Storage;
using LowRankTools.Formats.Onnx;
using LowRankTools.Formats.TensorFlowJs;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Planning.Candidates;

/// <summary>Makes the weights of a model, or bare shapes, into candidates of a plan, and finds what ties some of them together.</summary>
/// <param name="model">The model.</param>
/// <param name="stored">How what is made will be stored.</param>
/// <param name="selection">Which layers are chosen.</param>
/// <param name="overrides">What is decided by hand.</param>
internal sealed class PlanCandidates(Model model, StoredAs stored, LayerSelection selection, LayerOverrides overrides)
{
    /// <summary>What a graph can have pairs in place of, where it is the graph that will be written; null for formats without one.</summary>
    private readonly HashSet<string>? _replaceable = stored.Format != model.File.Format ? null : model.File switch { OnnxFile graph => Replaceable(model, graph.ReplaceableWeights), TensorFlowJsFile graph => Replaceable(model, graph.ReplaceableWeights), _ => null };

    /// <summary>Kernels that a graph convolves with in one group, and in no other way, whatever is written; null for formats that do not tell.</summary>
    private readonly IReadOnlySet<string>? _kernels = model.File switch { OnnxFile known => known.ReplaceableWeights, TensorFlowJsFile { IsGraph: true } known => known.ReplaceableWeights, _ => null };

    /// <summary>Every matrix, embedding, convolution and recurrent weight, in the order of the file.</summary>
    /// <exception cref="LowRankToolsException"><c>LayerNotFound</c>, <c>RankExceedsLayer</c>, or <c>OptionInvalid</c>: overrides contradict each other.</exception>
    public List<PlanCandidate> Build()
    {
        BiasFinder biases = new(model.Layers);
        HashSet<string> tiedToDense = TiesThatKeepDense();
        Dictionary<string, PlanCandidate> byName = new(StringComparer.Ordinal);
        foreach (ModelLayer layer in model.Layers.Where(IsWeight))
        {
            LayerShape shape = layer.Shape;
            PlanCandidate? leader = shape.TiedTo is { } name ? byName.GetValueOrDefault(name) : null;
            KeepReason reason = leader?.Reason ?? Reason(layer);
            LayerOverride? own = overrides.Of(shape);
            if (own is not null && leader is not null && own.Rank != leader.Override?.Rank)
                throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{shape.Path}: '{shape.Name}' shares the storage of '{leader.Name}'.", $"Give '{leader.Name}' the rank, in -LayerRank.");
            byName.Add(shape.Name, new PlanCandidate
            {
                Name = shape.Name,
                Shape = shape.Shape,
                DType = shape.DType,
                Bytes = leader is null ? shape.Bytes : 0,
                Cost = stored.Cost(layer, biases.Of(shape) is not null, isTied: leader is not null),
                Reason = reason == KeepReason.None && tiedToDense.Contains(shape.Name) ? KeepReason.TiedToDense : reason,
                Layer = layer,
                Leader = leader,
                Override = own,
            });
        }
        overrides.RequireAllUsed(model.Source.Path);
        return [.. byName.Values];
    }

    /// <summary>Whether a plan speaks of a layer at all.</summary>
    public static bool IsWeight(ModelLayer layer) => layer.Shape.Kind <= LayerKind.Recurrent;

    /// <summary>Bare shapes, called layer1, layer2 and so on.</summary>
    public static List<PlanCandidate> Of(IReadOnlyList<MatrixShape> shapes, StoredAs stored, LayerSelection selection, LayerOverrides overrides)
    {
        List<PlanCandidate> candidates = [];
        foreach (MatrixShape shape in shapes)
        {
            string name = $"layer{candidates.Count + 1}";
            LayerCost cost = stored.Cost(shape);
            LayerOverride? own = overrides.Of(name, cost.Size);
            candidates.Add(new PlanCandidate
            {
                Name = name,
                Shape = [shape.OutFeatures, shape.InFeatures],
                DType = cost.DenseType.ToString(),
                Bytes = cost.DenseParameters * sizeof(float),
                Cost = cost,
                Reason = own is null ? selection.ReasonByName(name) : KeepReason.None,
                Override = own,
            });
        }
        overrides.RequireAllUsed("These shapes");
        return candidates;
    }

    private KeepReason Reason(ModelLayer layer)
    {
        KeepReason reason = selection.Reason(layer);
        if (reason == KeepReason.None && layer.Shape.IsKernel && _kernels?.Contains(layer.Shape.Name) == false)
            return model.File is OnnxFile graph && graph.GroupedKernels.Contains(layer.Shape.Name) ? KeepReason.Grouped : KeepReason.GraphUse;
        if (reason == KeepReason.None && _replaceable?.Contains(layer.Shape.Name) == false)
            return KeepReason.GraphUse;
        // What is named in an override is chosen by that, whatever patterns say.
        return reason is KeepReason.Embedding or KeepReason.NotIncluded or KeepReason.Excluded && overrides.Of(layer.Shape) is not null ? KeepReason.None : reason;
    }

    /// <summary>Values that two tensors share in a data file stay shared.</summary>
    private static HashSet<string> Replaceable(Model model, IReadOnlySet<string> weights)
    {
        HashSet<string> replaceable = [.. weights];
        foreach (LayerShape tied in model.Layers.Select(l => l.Shape).Where(s => s.TiedTo is not null))
            replaceable.ExceptWith([tied.Name, tied.TiedTo!]);
        return replaceable;
    }

    /// <summary>Storages that a tensor outside the selection looks into: factorizing the others would untie them and grow the model.</summary>
    private HashSet<string> TiesThatKeepDense()
    {
        HashSet<string> leaders = new(StringComparer.Ordinal);
        Dictionary<string, ModelLayer> byName = model.Layers.ToDictionary(l => l.Shape.Name, StringComparer.Ordinal);
        foreach (ModelLayer layer in model.Layers.Where(l => l.Shape.TiedTo is not null))
        {
            ModelLayer leader = byName[layer.Shape.TiedTo!];
            bool alike = TensorTies.SameData(layer.Tensor, leader.Tensor) && layer.Shape.Orientation == leader.Shape.Orientation;
            if (!alike || Reason(layer) != KeepReason.None)
                leaders.Add(leader.Shape.Name);
        }
        return leaders;
    }
}
