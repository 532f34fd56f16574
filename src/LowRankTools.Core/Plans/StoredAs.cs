using LowRankTools.Core.Layers;
using LowRankTools.Core.Storage;
using LowRankTools.Formats;
using LowRankTools.Formats.Quantization;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Core.Plans;

/// <summary>How the tensors that a plan speaks of will be stored.</summary>
/// <param name="DType">Element type of the factors, and of what the format cannot hold as it is; null for the source's own.</param>
/// <param name="Format">Format of the file.</param>
/// <param name="FirstBias">Whether zero biases are written for both factors.</param>
/// <param name="IsAdapter">Whether the weights stay and adapters are made.</param>
internal sealed record StoredAs(TensorDType? DType, ModelFormat Format = ModelFormat.Safetensors, bool FirstBias = false, bool IsAdapter = false)
{
    /// <summary>How factors are quantised; null for not.</summary>
    public WeightQuantization? Quantize { get; init; }

    /// <summary>Whether matrices that stay dense are quantised so too, where their rows are whole blocks.</summary>
    public bool QuantizeDense { get; init; }

    /// <summary>Costs of a layer of a model.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="hasBias">Whether it has a bias that moves to the second factor.</param>
    /// <param name="isTied">Whether it is counted with another layer.</param>
    public LayerCost Cost(ModelLayer layer, bool hasBias, bool isTied)
    {
        LayerShape shape = layer.Shape;
        return new LayerCost
        {
            Kind = shape.Kind,
            Size = SizeOf(shape),
            Kernel = LayerWeight.ShapeOf(layer),
            ChannelsLast = shape.IsKernel && LayerWeight.IsChannelsLast(layer.Tensor),
            IsTransposed = shape.IsKernel && layer.Tensor.Role == TensorRole.TransposedConvolution,
            DenseParameters = shape.Parameters,
            PairType = OutputTypes.Factor(layer.Tensor.DType, DType),
            DenseType = OutputTypes.Copy(layer.Tensor.DType, Format, DType),
            // The kernels of a chain are stored as floats.
            Quantize = shape.IsKernel ? null : Quantize,
            DenseQuantize = QuantizeDense && IsQuantizable(layer) && Quantize is { } kind && QuantizedParts.Fits(kind, shape.Shape[^1]) ? kind : null,
            StoredRows = IsQuantizable(layer) ? shape.Shape[0] : 0,
            IsAdapter = IsAdapter,
            IsTied = isTied,
            Biases = FirstBias && shape.Kind != LayerKind.Embedding ? (1, hasBias ? 0 : shape.OutFeatures ?? 0) : default,
        };
    }

    private static bool IsQuantizable(ModelLayer layer) => layer.Shape.IsMatrix && layer.Shape.Shape.Count == 2 && layer.Tensor.StoredType.IsFloat() && !layer.Tensor.StoredType.IsQuantized();

    /// <summary>Costs of a matrix of which nothing but its size is known.</summary>
    public LayerCost Cost(MatrixShape shape) => new()
    {
        Kind = LayerKind.Linear,
        Size = (shape.OutFeatures, shape.InFeatures),
        DenseParameters = (long)shape.OutFeatures * shape.InFeatures,
        PairType = DType ?? TensorDType.F32,
        DenseType = TensorDType.F32,
        IsAdapter = IsAdapter,
    };

    /// <summary>Rows and columns of the matrix that a pair stands for: (out, in), an embedding's (entries, features); zeros for other tensors.</summary>
    private static (long Rows, long Columns) SizeOf(LayerShape shape) =>
        !shape.IsMatrix ? default
        : shape.Kind == LayerKind.Embedding ? (shape.InFeatures!.Value, shape.OutFeatures!.Value)
        : (shape.OutFeatures!.Value, shape.InFeatures!.Value);
}
