using LowRankTools.Core.Layers;
using LowRankTools.Core.Storage;
using LowRankTools.Decompositions;
using LowRankTools.Decompositions.Convolutions;
using LowRankTools.Decompositions.Layers;
using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Formats;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Records;

/// <summary>A weight that stands in a file as factors by a method of layers, and the way back. What the record says is checked against the file before anything is read.</summary>
internal sealed class FactorsRecord
{
    private readonly Made _made;

    private readonly ModelFormat _format;

    private FactorsRecord(FactorizedLayerRecord record, Made made, IReadOnlyList<TensorInfo> factors, ModelFormat format) => (Record, _made, Factors, _format) = (record, made, factors, format);

    /// <summary>What the record says.</summary>
    public FactorizedLayerRecord Record { get; }

    /// <summary>The factors in the file, in the order in which they are applied.</summary>
    public IReadOnlyList<TensorInfo> Factors { get; }

    /// <summary>Name that the layer's bias moved to; null where it stayed.</summary>
    public string? MovedBias => BiasName(Record, _made);

    /// <summary>Channels that the last factor of a chain gives, as many as a bias has entries.</summary>
    public long Outputs => Factors[^1].Shape[_made.Method is TransposedConvolution ? 1 : 0];

    /// <summary>Names of a layer's factors by its record: two for a pair. A record that makes no sense counts as a pair, and is refused where the factors are needed.</summary>
    public static IEnumerable<string> NamesOf(FactorizedLayerRecord layer) => Of(layer) is { } made ? made.Factors.Select(f => Name(layer, f.Name)) : [new PairNames(layer.Name).First, new PairNames(layer.Name).Second];

    /// <summary>Parameters of a layer's factors by its record; null for pairs, and for a record that makes no sense.</summary>
    public static long? ParametersOf(FactorizedLayerRecord layer) => Of(layer)?.Factors.Sum(f => f.Length);

    /// <summary>Finds the factors.</summary>
    /// <param name="record">What the file says of the layer; its ranks are not null.</param>
    /// <param name="tensors">Tensors of the file by name.</param>
    /// <param name="format">The file's format.</param>
    /// <param name="inconsistent">Makes the error of a record that the file does not bear out.</param>
    public static FactorsRecord Of(FactorizedLayerRecord record, IReadOnlyDictionary<string, TensorInfo> tensors, ModelFormat format, Func<string, Exception> inconsistent)
    {
        Made made = Of(record) ?? throw inconsistent($"there is no {record.Method} of ranks {record.Ranks} for {record.Shape}");
        List<TensorInfo> factors = [];
        foreach (FactorShape expected in made.Factors)
        {
            string name = Name(record, expected.Name);
            int[] shape = LayerWeight.FactorShape(expected, format);
            if (!tensors.TryGetValue(name, out TensorInfo? factor) || !factor.Shape.SequenceEqual(shape.Select(size => (long)size)))
                throw inconsistent($"the file has no '{name}' of {string.Join(" x ", shape)}");
            factors.Add(factor);
        }
        return new FactorsRecord(record, made, factors, format);
    }

    /// <summary>Multiplies the factors out, as (product of the leading sizes) x (last size) of the weight as it was stored.</summary>
    public Matrix<float> Read(TensorFile file, CancellationToken cancellationToken)
    {
        List<Tensor> factors = [];
        try
        {
            foreach (TensorInfo factor in Factors)
            {
                using Matrix<float> values = WeightMatrix.Read(file, factor, cancellationToken);
                factors.Add(LayerWeight.Factor(values.RowBlock(0, values.Rows), [.. factor.Shape.Select(size => (int)size)], _format));
            }
            using Tensor dense = _made.Method.Dense(_made.Shape, _made.Ranks, factors, null, cancellationToken);
            return LayerWeight.Stored(dense, LayerWeight.IsTurned(Record.Kind, Record.Orientation));
        }
        finally
        {
            factors.ForEach(f => f.Dispose());
        }
    }

    private static string Name(FactorizedLayerRecord layer, string factor) => new FactorNames(layer.Name).Behind(factor);

    private static string? BiasName(FactorizedLayerRecord layer, Made made) => made.Method.BiasName(made.Factors.Count) is { } bias ? Name(layer, bias) : null;

    private static Made? Of(FactorizedLayerRecord layer)
    {
        try
        {
            if (layer.Ranks is null || LayerMethods.TryFind(layer.Method) is not { } method || layer.Ranks.Sizes.Any(r => r is < 1 or > int.MaxValue)
                || layer.Shape.Sizes.Any(s => s < 1) || layer.Shape.Sizes.Aggregate(1L, (product, size) => checked(product * size)) > int.MaxValue
                || Shape(layer) is not { } shape || !method.Takes(shape))
                return null;
            int[] ranks = [.. layer.Ranks.Sizes.Select(r => (int)r)];
            return new Made(method, shape, ranks, method.Factors(shape, ranks));
        }
        catch (Exception e) when (e is OverflowException or LowRankToolsException)
        {
            return null;
        }
    }

    private static int[]? Shape(FactorizedLayerRecord layer)
    {
        bool turned = LayerWeight.IsTurned(layer.Kind, layer.Orientation);
        if (layer.Kind is LayerKind.Conv1d or LayerKind.Conv2d or LayerKind.Conv3d)
            return LayerShape.IsKernelOf(layer.Kind, layer.Shape) ? LayerWeight.ShapeOf(layer.Shape, turned).Sizes : null;
        if (layer.Shape.Count < 2 || layer.Shape.Sizes.SkipLast(2).Any(s => s != 1))
            return null;
        (int rows, int columns) = ((int)layer.Shape[^2], (int)layer.Shape[^1]);
        return turned ? [columns, rows] : [rows, columns];
    }

    private sealed record Made(LayerMethod Method, int[] Shape, int[] Ranks, IReadOnlyList<FactorShape> Factors);
}
