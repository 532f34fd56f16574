using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Records;
using LowRankTools.Core.Storage;
using LowRankTools.Formats;
using LowRankTools.Formats.Onnx;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Merging;

/// <summary>Every tensor of a model as it is without factorization, in the order of the file.</summary>
internal sealed class DenseTensors
{
    private readonly Model _model;
    private readonly Dictionary<string, TensorInfo> _tensors;
    private readonly Dictionary<string, FactorizedLayerRecord> _byFirst = new(StringComparer.Ordinal);
    private readonly Dictionary<string, FactorsRecord> _chains = new(StringComparer.Ordinal);
    private readonly Dictionary<string, DecomposedTensor> _decomposed = new(StringComparer.Ordinal);
    private readonly HashSet<string> _absorbed = new(StringComparer.Ordinal);

    /// <summary>Factors of a graph lie as its MatMul take them, (in, r) and (r, out); those of the other formats as PyTorch has them.</summary>
    private readonly bool _inOut;

    /// <summary>Factors of a convolution of size one are convolutions again: their shapes begin with its ones.</summary>
    private readonly bool _leading;

    private DenseTensors(Model model)
    {
        _model = model;
        _inOut = model.File.Format.IsGraph();
        _leading = model.File.Format == ModelFormat.TensorFlowJs;
        _tensors = model.Layers.ToDictionary(l => l.Shape.Name, l => l.Tensor, StringComparer.Ordinal);
        foreach (FactorizedLayerRecord layer in model.Record?.Layers ?? [])
        {
            if (layer.Ranks is not null)
            {
                Add(layer);
                continue;
            }
            PairNames names = new(layer.Name);
            Check(layer, names);
            _byFirst[names.First] = layer;
            _absorbed.UnionWith([names.Second, names.FirstBias, names.SecondBias]);
        }
        foreach (DecomposedTensorRecord record in model.Decompositions?.Tensors ?? [])
        {
            DecomposedTensor decomposed = DecomposedTensor.Of(record, _tensors, model.Source.Path);
            _decomposed[decomposed.Factors[0].Name] = decomposed;
            _absorbed.UnionWith(decomposed.Factors.Skip(1).Select(f => f.Name));
        }
    }

    /// <summary>Lists the tensors; a dense model's are its own.</summary>
    /// <exception cref="LowRankToolsException"><c>FactorsInconsistent</c>: the record and the factors disagree.</exception>
    public static List<DenseTensor> List(Model model)
    {
        DenseTensors all = new(model);
        return [.. model.Layers.SelectMany(all.Of)];
    }

    private List<DenseTensor> Of(ModelLayer layer)
    {
        string name = layer.Shape.Name;
        if (_decomposed.TryGetValue(name, out DecomposedTensor? decomposed))
            return [new DenseTensor(decomposed)];
        if (_chains.TryGetValue(name, out FactorsRecord? chain))
            return Of(chain);
        if (!_byFirst.TryGetValue(name, out FactorizedLayerRecord? record))
            return _absorbed.Contains(name) ? [] : [new DenseTensor(name, layer.Tensor)];
        PairNames names = new(record.Name);
        TensorInfo second = _tensors[names.Second];
        List<DenseTensor> tensors = [new DenseTensor(record, layer.Tensor, second, _inOut)];
        MergedBias bias = new(_model.File, second, _tensors.GetValueOrDefault(names.FirstBias), _tensors.GetValueOrDefault(names.SecondBias));
        // Zero biases that were only written for the module's sake vanish again; trained ones do not.
        if (record.Bias is not null || !bias.IsZero())
            tensors.Add(bias.Tensor(record.Bias ?? LayerNames.Bias(record.Name)));
        return tensors;
    }

    private void Add(FactorizedLayerRecord layer)
    {
        FactorsRecord chain = FactorsRecord.Of(layer, _tensors, _model.File.Format, what => Inconsistent(layer, what));
        _chains[chain.Factors[0].Name] = chain;
        _absorbed.UnionWith(chain.Factors.Skip(1).Select(f => f.Name));
        // What the nodes of a graph need to multiply by cores or a pivoted pair is nothing without them.
        if (_model.File.Format == ModelFormat.Onnx)
            _absorbed.UnionWith(_tensors.Keys.Where(name => name.StartsWith(chain.Factors[0].Name + OnnxFactors.ProductConstant, StringComparison.Ordinal)));
        if (chain.MovedBias is not { } bias)
            return;
        if (layer.Bias is not null && !_tensors.ContainsKey(bias))
            throw Inconsistent(layer, "its bias is not in the file");
        CheckBias(layer, bias, chain.Outputs);
        _absorbed.Add(bias);
    }

    /// <summary>The weight, and the bias that moved to the last factor.</summary>
    private List<DenseTensor> Of(FactorsRecord chain)
    {
        return chain.MovedBias is { } bias && _tensors.TryGetValue(bias, out TensorInfo? moved)
            ? [new DenseTensor(chain), new DenseTensor(chain.Record.Bias ?? LayerNames.Bias(chain.Record.Name), moved)]
            : [new DenseTensor(chain)];
    }

    private void Check(FactorizedLayerRecord layer, PairNames names)
    {
        if (!_tensors.TryGetValue(names.First, out TensorInfo? first) || !_tensors.TryGetValue(names.Second, out TensorInfo? second))
            throw Inconsistent(layer, "its factors are not in the file");
        bool outIn = layer.Orientation == WeightOrientation.OutIn;
        if (layer.Shape.Count < 2 || layer.Shape.Sizes.SkipLast(2).Any(s => s != 1))
            throw Inconsistent(layer, "its shape is no matrix");
        long inFeatures = outIn ? layer.Shape[^1] : layer.Shape[^2], outFeatures = outIn ? layer.Shape[^2] : layer.Shape[^1];
        long[] ones = _leading ? [.. layer.Shape.Sizes.SkipLast(2)] : [];
        long[] expected = layer.Kind == LayerKind.Embedding || _inOut ? [inFeatures, layer.Rank] : [layer.Rank, inFeatures];
        if (!first.Shape.SequenceEqual([.. ones, .. expected]) || !second.Shape.SequenceEqual([.. ones, .. _inOut ? new[] { layer.Rank, outFeatures } : [outFeatures, layer.Rank]]))
            throw Inconsistent(layer, "its factors have other shapes");
        CheckBasis(layer, first);
        CheckBias(layer, names.FirstBias, layer.Rank);
        CheckBias(layer, names.SecondBias, outFeatures);
        if (layer.Bias is not null && !_tensors.ContainsKey(names.SecondBias))
            throw Inconsistent(layer, "its bias is not in the file");
    }

    /// <summary>A basis is that of a layer on record which has its own, and the very tensor that the other one's name stands for.</summary>
    private void CheckBasis(FactorizedLayerRecord layer, TensorInfo first)
    {
        if (layer.Basis is not { } basis)
            return;
        if (_model.Record!.Layers.FirstOrDefault(l => l.Name == basis) is not { Ranks: null, Basis: null } || !_tensors.TryGetValue(new PairNames(basis).First, out TensorInfo? own))
            throw Inconsistent(layer, $"'{basis}', whose basis it uses, is no pair with a basis of its own");
        if (!TensorTies.SameData(own, first))
            throw Inconsistent(layer, $"its first factor is not that of '{basis}'");
    }

    private void CheckBias(FactorizedLayerRecord layer, string name, long length)
    {
        if (_tensors.TryGetValue(name, out TensorInfo? bias) && !bias.Shape.SequenceEqual([length]))
            throw Inconsistent(layer, $"'{name}' has another shape");
    }

    private LowRankToolsException Inconsistent(FactorizedLayerRecord layer, string what) =>
        new(CoreErrors.FactorsInconsistent, $"{_model.Source.Path}: the record names layer '{layer.Name}' of rank {layer.Rank}, but {what}.",
            "The weights were changed after they were factorized; use the original files.");
}
