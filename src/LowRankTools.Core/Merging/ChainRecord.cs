using LowRankTools.Decompositions;
using LowRankTools.Formats;
using LowRankTools.Numerics;

namespace LowRankTools.Core;

/// <summary>A kernel that stands in a file as a chain of convolutions, and the way back. What the record says is checked against the file before anything is read.</summary>
internal sealed class ChainRecord
{
    private readonly IReadOnlyList<ConvolutionStage> _stages;
    private readonly bool _channelsLast;

    private ChainRecord(FactorizedLayerRecord record, IReadOnlyList<ConvolutionStage> stages, IReadOnlyList<TensorInfo> factors)
    {
        (Record, _stages, Factors) = (record, stages, factors);
        _channelsLast = record.Orientation == WeightOrientation.InOut;
    }

    /// <summary>What the record says.</summary>
    public FactorizedLayerRecord Record { get; }

    /// <summary>The stages' kernels in the file, in the order in which they are applied.</summary>
    public IReadOnlyList<TensorInfo> Factors { get; }

    /// <summary>How many factors a layer has by its record: two for a pair. A record that makes no sense counts as a pair, and is refused where the factors are needed.</summary>
    public static int FactorsOf(FactorizedLayerRecord layer) => layer.Ranks is null ? 2 : Stages(layer)?.Count ?? 2;

    /// <summary>Parameters of a layer's chain by its record; null for pairs, and for a record that makes no sense.</summary>
    public static long? ParametersOf(FactorizedLayerRecord layer) => layer.Ranks is null ? null : Stages(layer)?.Sum(s => s.Length);

    /// <summary>Finds the factors.</summary>
    /// <param name="record">What the file says of the layer; its ranks are not null.</param>
    /// <param name="tensors">Tensors of the file by name.</param>
    /// <param name="inconsistent">Makes the error of a record that the file does not bear out.</param>
    public static ChainRecord Of(FactorizedLayerRecord record, IReadOnlyDictionary<string, TensorInfo> tensors, Func<string, Exception> inconsistent)
    {
        IReadOnlyList<ConvolutionStage> stages = Stages(record) ?? throw inconsistent($"there is no chain {record.Method} of ranks {record.Ranks} for a kernel of {record.Shape}");
        FactorNames names = new(record.Name);
        List<TensorInfo> factors = [];
        for (int i = 0; i < stages.Count; i++)
        {
            if (!tensors.TryGetValue(names.Factor(i), out TensorInfo? factor) || !factor.Shape.SequenceEqual(stages[i].Shape.Select(size => (long)size)))
                throw inconsistent($"the file has no '{names.Factor(i)}' of {string.Join(" x ", stages[i].Shape)}");
            factors.Add(factor);
        }
        return new ChainRecord(record, stages, factors);
    }

    /// <summary>Multiplies the chain out, as (product of the leading sizes) x (last size) of the kernel as it was stored.</summary>
    public Matrix<float> Read(TensorFile file, CancellationToken cancellationToken)
    {
        List<Tensor> kernels = [];
        try
        {
            foreach (TensorInfo factor in Factors)
            {
                using Matrix<float> values = WeightMatrix.Read(file, factor, cancellationToken);
                kernels.Add(Tensor.From(values.RowBlock(0, values.Rows), [.. factor.Shape.Select(size => (int)size)]));
            }
            using Tensor dense = new ConvolutionChain(_stages, kernels).ToDense(null, cancellationToken);
            return ConvolutionKernel.Stored(dense, _channelsLast);
        }
        finally
        {
            kernels.ForEach(k => k.Dispose());
        }
    }

    private static IReadOnlyList<ConvolutionStage>? Stages(FactorizedLayerRecord layer)
    {
        try
        {
            if (ConvolutionMethods.TryFind(layer.Method) is not { } method || layer.Shape.Count != 4 || layer.Ranks!.Sizes.Any(r => r is < 1 or > int.MaxValue)
                || layer.Shape.Sizes.Any(s => s < 1) || layer.Shape.Sizes.Aggregate(1L, (product, size) => checked(product * size)) > int.MaxValue)
                return null;
            return method.Stages(ConvolutionKernel.ShapeOf(layer.Shape, layer.Orientation == WeightOrientation.InOut), [.. layer.Ranks.Sizes.Select(r => (int)r)]);
        }
        catch (Exception e) when (e is OverflowException or LowRankToolsException)
        {
            return null;
        }
    }
}
