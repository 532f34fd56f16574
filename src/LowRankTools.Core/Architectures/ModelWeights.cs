using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Storage;
using LowRankTools.Formats.Tensors;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Architectures;

/// <summary>
/// An opened model as the weights of a network: the network's names, PyTorch's orientation, float32. Buffers, graph
/// constants and heads that are the embedding itself are no weights.
/// </summary>
internal sealed class ModelWeights : IWeightSource
{
    private readonly Model _model;
    private readonly Dictionary<string, Weight> _weights = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _networkNames = new(StringComparer.Ordinal);

    /// <summary>Takes stock of a model; nothing is read.</summary>
    /// <param name="model">The opened model, which must stay open.</param>
    /// <param name="names">Its tensors by the network's names.</param>
    /// <param name="layout">What the architecture knows of its files.</param>
    public ModelWeights(Model model, WeightNames names, WeightLayout layout)
    {
        _model = model;
        Dictionary<string, TensorInfo> tensors = model.Layers.ToDictionary(l => l.Shape.Name, l => l.Tensor, StringComparer.Ordinal);
        foreach ((string name, ModelLayer layer) in names.All)
        {
            if (layer.Shape.Kind != LayerKind.Buffer && !layout.Ignores(name) && !IsGraphConstant(layer.Shape.Name))
                _weights.Add(name, new Weight(layer.Tensor, layout.IsInOut(name), TensorTies.LeaderOf(layer, tensors)));
            _networkNames[layer.Shape.Name] = name;
        }
    }

    /// <inheritdoc/>
    public IEnumerable<string> Names => _weights.Keys;

    /// <inheritdoc/>
    public IReadOnlyList<int>? ShapeOf(string name)
    {
        if (!_weights.TryGetValue(name, out Weight? weight) || weight.Tensor.Shape.Any(s => s > int.MaxValue))
            return null;
        int[] shape = [.. weight.Tensor.Shape.Select(s => (int)s)];
        if (!weight.InOut)
            return shape;
        // TensorFlow's 1x1 kernels have two more sizes in front.
        return shape.Length >= 2 && shape[..^2].All(s => s == 1) ? [shape[^1], shape[^2]] : shape;
    }

    /// <inheritdoc/>
    public string? SharedWith(string name) => _weights.TryGetValue(name, out Weight? weight) && weight.TiedTo is { } kept ? _networkNames.GetValueOrDefault(kept) : null;

    /// <inheritdoc/>
    public Matrix<float> Read(string name, CancellationToken ct)
    {
        Weight weight = _weights[name];
        Matrix<float> matrix = WeightMatrix.Read(_model.File, weight.Tensor, ct);
        if (!weight.InOut)
            return matrix;
        using (matrix)
            return matrix.Transposed.ToMatrix();
    }

    /// <summary>For each of <see cref="Names"/> the tensor's name in the file.</summary>
    public IReadOnlyDictionary<string, string> FileNames => _weights.ToDictionary(w => w.Key, w => w.Value.Tensor.Name, StringComparer.Ordinal);

    /// <summary>Those of <see cref="Names"/> that the file stores (in, out).</summary>
    public IReadOnlySet<string> StoredInOut => _weights.Where(w => w.Value.InOut).Select(w => w.Key).ToHashSet(StringComparer.Ordinal);

    /// <summary>A constant of a graph, which has the number of a value or a path; a graph says so itself, what was written of it elsewhere does not.</summary>
    private static bool IsGraphConstant(string tensor) => tensor.StartsWith('/') || tensor.Length > 0 && tensor.All(char.IsAsciiDigit);

    private sealed record Weight(TensorInfo Tensor, bool InOut, string? TiedTo);
}
