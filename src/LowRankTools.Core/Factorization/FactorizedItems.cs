using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Storage;
using LowRankTools.Decompositions;
using LowRankTools.Formats;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Factorization;

/// <summary>What a plan makes of a model's tensors, in the order of the file.</summary>
/// <param name="model">The model.</param>
/// <param name="plan">What becomes of its layers.</param>
/// <param name="options">How they are written.</param>
/// <param name="format">The format they are written in.</param>
internal sealed class FactorizedItems(Model model, RankPlan plan, FactorizeOptions options, ModelFormat format)
{
    private readonly Dictionary<string, LayerPlan> _plans = plan.Layers.ToDictionary(l => l.Name, StringComparer.Ordinal);
    private readonly Dictionary<string, ModelLayer> _layers = model.Layers.ToDictionary(l => l.Shape.Name, StringComparer.Ordinal);
    private readonly BiasFinder _biases = new(model.Layers);
    private readonly Dictionary<string, List<LayerPlan>> _sharing = plan.Layers.Where(l => l.Rank is not null && l.Basis is not null)
        .GroupBy(l => l.Basis!, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.ToList(), StringComparer.Ordinal);
    private readonly Dictionary<string, string> _movedBiases = new(StringComparer.Ordinal);

    /// <summary>Makes the steps.</summary>
    public List<OutputItem> Build()
    {
        foreach (ModelLayer layer in model.Layers)
        {
            // A graph adds its bias where it did before.
            if (!format.IsGraph() && IsPair(layer) && _biases.Of(layer.Shape) is { } bias)
                Move(bias, _plans[layer.Shape.Name]);
        }
        return OutputItems.Checked([.. model.Layers.SelectMany(Items)], model.Source.Path);
    }

    private void Move(string bias, LayerPlan decision)
    {
        FactorNames names = new(decision.Name);
        if (decision.Made is not { } method)
            _movedBiases[bias] = names.Bias(1);
        else if (method.BiasName(decision.Factors!.Count) is { } name)
            _movedBiases[bias] = names.Behind(name);
    }

    private bool IsPair(ModelLayer layer) => _plans.TryGetValue(layer.Shape.Name, out LayerPlan? decision) && decision.Rank is not null;

    private List<OutputItem> Items(ModelLayer layer)
    {
        if (_sharing.TryGetValue(layer.Shape.Name, out List<LayerPlan>? sharing))
            return Shared(layer, sharing);
        if (_plans.GetValueOrDefault(layer.Shape.Name)?.Basis is not null && IsPair(layer))
            return [];
        if (IsPair(layer))
            return _plans[layer.Shape.Name] is { Made: not null } made ? Made(layer, made) : Pair(layer, _plans[layer.Shape.Name]);
        TensorInfo tensor = layer.Tensor;
        string name = _movedBiases.GetValueOrDefault(tensor.Name, tensor.Name);
        TensorSpec spec = new(name, OutputTypes.Copy(tensor.DType, format, options.DType), tensor.Shape);
        if (layer.Shape.TiedTo is null && _plans.GetValueOrDefault(tensor.Name)?.Quantization is { } kind)
            return [new OutputItem.Quantized(tensor, kind, QuantizedParts.Of(kind, format, spec, tensor.Name))];
        if (options.DenseTwoOfFour && DensePruner.CanPrune(layer) && spec.DType == tensor.DType)
            return [new OutputItem.Pruned(layer, spec)];
        bool alias = layer.Shape.TiedTo is { } leader && TensorTies.SameData(tensor, _layers[leader].Tensor);
        return [alias ? new OutputItem.Alias(spec, _movedBiases.GetValueOrDefault(layer.Shape.TiedTo!, layer.Shape.TiedTo!)) : new OutputItem.Copy(tensor, spec)];
    }

    private List<OutputItem> Made(ModelLayer layer, LayerPlan decision)
    {
        FactorNames names = new(layer.Shape.Name);
        TensorDType dtype = OutputTypes.Factor(layer.Tensor.DType, options.DType);
        IReadOnlyList<FactorShape> shapes = decision.Factors!;
        if (!OutputTypes.Holds(format, decision.Made!) || format.IsGraph() && layer.Shape.Kind == LayerKind.Embedding)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"'{decision.Name}': {format} has no layers by {decision.Made!.Name}.", "Write Safetensors or PyTorch, or choose another method.");
        TensorSpec[] factors = [.. shapes.Select(f => new TensorSpec(names.Behind(f.Name), dtype, [.. LayerWeight.FactorShape(f, format).Select(size => (long)size)]))];
        return decision.TiedTo is { } leader
            ? [.. factors.Select((f, i) => new OutputItem.Alias(f, new FactorNames(leader).Behind(shapes[i].Name)))]
            : [new FactoredItem(layer, decision, factors)];
    }

    private List<OutputItem> Pair(ModelLayer layer, LayerPlan decision)
    {
        LayerShape shape = layer.Shape;
        PairNames names = new(shape.Name);
        TensorDType dtype = OutputTypes.Factor(layer.Tensor.DType, options.DType);
        long rank = decision.Rank!.Value;
        bool embedding = shape.Kind == LayerKind.Embedding;
        TensorSpec first = new(names.First, dtype, embedding ? [shape.InFeatures!.Value, rank] : [rank, shape.InFeatures!.Value]);
        TensorSpec second = new(names.Second, dtype, [shape.OutFeatures!.Value, rank]);
        if (format.IsGraph())
            (first, second) = (first with { Shape = [shape.InFeatures!.Value, rank] }, second with { Shape = [rank, shape.OutFeatures!.Value] });
        if (format == ModelFormat.TensorFlowJs)
        {
            // Of a convolution of size one two of them.
            IEnumerable<long> ones = layer.Tensor.Shape.SkipLast(2);
            (first, second) = (first with { Shape = [.. ones, .. first.Shape] }, second with { Shape = [.. ones, .. second.Shape] });
        }
        List<OutputItem> items = [];
        if (format == ModelFormat.Onnx && embedding && decision.Quantization is not null)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"'{shape.Name}': a graph would make floats of a whole table for every row.", "Leave embeddings out with -Exclude, or write Safetensors.");
        if (decision.TiedTo is { } leader)
            items.AddRange([new OutputItem.Alias(first, new PairNames(leader).First), new OutputItem.Alias(second, new PairNames(leader).Second)]);
        else
        {
            items.Add(new FactoredItem(layer, decision, [first, second])
            {
                Parts = decision.Quantization is { } kind ? [QuantizedParts.Of(kind, format, first, shape.Name), QuantizedParts.Of(kind, format, second, shape.Name)] : null,
            });
        }
        items.AddRange(FirstBiases(layer, rank, dtype));
        return items;
    }

    /// <summary>
    /// Every factor of a group where its first layer is, the basis once: so no factor has to wait in memory for its place. The other layers' names for the basis are
    /// tied to the first one's, in the way that each format has for tied weights.
    /// </summary>
    private List<OutputItem> Shared(ModelLayer layer, List<LayerPlan> sharing)
    {
        List<OutputItem> items = Pair(layer, _plans[layer.Shape.Name]);
        FactoredItem own = (FactoredItem)items[0];
        TensorSpec basis = own.Factors[0], coefficients = own.Factors[1];
        items[0] = own with
        {
            Factors = [basis, coefficients, .. sharing.Select(s => coefficients with { Name = new PairNames(s.Name).Second })],
            Sharing = [.. sharing.Select(s => (_layers[s.Name], s))],
        };
        foreach (LayerPlan other in sharing)
        {
            items.Add(new OutputItem.Alias(basis with { Name = new PairNames(other.Name).First }, basis.Name));
            items.AddRange(FirstBiases(_layers[other.Name], other.Rank!.Value, basis.DType));
        }
        return items;
    }

    /// <summary>Biases of zeros, where they are asked for.</summary>
    private List<OutputItem> FirstBiases(ModelLayer layer, long rank, TensorDType dtype)
    {
        LayerShape shape = layer.Shape;
        if (!options.FirstBias || shape.Kind == LayerKind.Embedding)
            return [];
        PairNames names = new(shape.Name);
        List<OutputItem> items = [new OutputItem.Zeros(new TensorSpec(names.FirstBias, dtype, [rank]))];
        if (_biases.Of(shape) is null)
            items.Add(new OutputItem.Zeros(new TensorSpec(names.SecondBias, dtype, [shape.OutFeatures!.Value])));
        return items;
    }
}
