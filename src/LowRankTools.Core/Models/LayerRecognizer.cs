using LowRankTools.Core.Layers;
using LowRankTools.Formats;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Core.Models;

/// <summary>
/// Turns tensors into layers: what the file says of a tensor's use comes first, then its name, then its shape.
/// </summary>
internal sealed class LayerRecognizer
{
    private readonly ModelFormat _format;
    private readonly Dictionary<string, TensorInfo> _byName;
    private readonly bool _conv1dHabit;

    public LayerRecognizer(ModelFormat format, IReadOnlyList<TensorInfo> tensors)
    {
        _format = format;
        _byName = new Dictionary<string, TensorInfo>(tensors.Count, StringComparer.Ordinal);
        foreach (TensorInfo tensor in tensors)
            _byName[tensor.Name] = tensor;
        // A square GPT-2 matrix does not show its orientation; its oblong siblings do.
        _conv1dHabit = tensors.Any(t => t.Shape.Length == 2 && LayerNames.IsTransposedHabit(t.Name) && BiasSide(t) == WeightOrientation.InOut);
    }

    /// <summary>Kind of a tensor.</summary>
    public LayerKind Kind(TensorInfo tensor)
    {
        if (!tensor.DType.IsFloat() || tensor.Role == TensorRole.Buffer || tensor.Trainable == false && LayerNames.IsBuffer(tensor.Name))
            return IsQuantizedWeight(tensor) ? ByShape(tensor) : LayerKind.Buffer;
        return tensor.Role switch
        {
            TensorRole.Normalization => LayerKind.Norm,
            TensorRole.Bias => LayerKind.Bias,
            TensorRole.Recurrent => LayerKind.Recurrent,
            TensorRole.Embedding when MatrixShape(tensor) is not null => LayerKind.Embedding,
            _ => ByName(tensor),
        };
    }

    /// <summary>Which side of a linear map's stored matrix is the input.</summary>
    public WeightOrientation Orientation(TensorInfo tensor, LayerKind kind)
    {
        if (kind == LayerKind.Embedding)
            return WeightOrientation.InOut;
        if (kind is not (LayerKind.Linear or LayerKind.AttentionPacked))
            return WeightOrientation.None;
        if (tensor.Role is TensorRole.MatMulRight or TensorRole.ConvolutionChannelsLast)
            return WeightOrientation.InOut;
        if (tensor.Role == TensorRole.LinearWeight)
            return WeightOrientation.OutIn;
        if (BiasSide(tensor) is { } side and not WeightOrientation.None)
            return side;
        if (_conv1dHabit && LayerNames.IsTransposedHabit(tensor.Name))
            return WeightOrientation.InOut;
        return _format == ModelFormat.TensorFlowJs ? WeightOrientation.InOut : WeightOrientation.OutIn;
    }

    /// <summary>Rows and columns of a tensor that is a matrix, leading ones left out (TensorFlow's 1x1 kernels); else null.</summary>
    public static (long Rows, long Columns)? MatrixShape(TensorInfo tensor)
    {
        int dimensions = tensor.Shape.Length;
        if (dimensions < 2 || tensor.ElementCount == 0)
            return null;
        for (int i = 0; i < dimensions - 2; i++)
        {
            if (tensor.Shape[i] != 1)
                return null;
        }
        return (tensor.Shape[dimensions - 2], tensor.Shape[dimensions - 1]);
    }

    private LayerKind ByName(TensorInfo tensor)
    {
        string name = tensor.Name;
        if (LayerNames.IsBuffer(name))
            return LayerKind.Buffer;
        if (tensor.Shape.Length <= 1)
        {
            return LayerNames.IsNorm(name) ? LayerKind.Norm
                : LayerNames.IsBias(name) || _byName.ContainsKey(WeightBeside(name)) ? LayerKind.Bias
                : tensor.Shape.Length == 1 && OneDimensionalNorm(tensor) ? LayerKind.Norm : LayerKind.Other;
        }
        return ByShape(tensor);
    }

    private LayerKind ByShape(TensorInfo tensor)
    {
        bool knownMatrix = tensor.Role is TensorRole.MatMulRight or TensorRole.LinearWeight;
        bool convolution = tensor.Role is TensorRole.Convolution or TensorRole.ConvolutionChannelsLast or TensorRole.TransposedConvolution or TensorRole.TransposedConvolutionChannelsLast;
        if (tensor.Shape.Length > 2 && !knownMatrix)
            return tensor.Shape.Length switch { 3 => LayerKind.Conv1d, 4 => LayerKind.Conv2d, 5 => LayerKind.Conv3d, _ => LayerKind.Other };
        if (convolution || MatrixShape(tensor) is null)
            return LayerKind.Other;
        if (LayerNames.IsRecurrent(tensor.Name))
            return LayerKind.Recurrent;
        if (LayerNames.IsAttentionPacked(tensor.Name))
            return LayerKind.AttentionPacked;
        if (!knownMatrix && LayerNames.IsEmbedding(tensor.Name))
            return LayerKind.Embedding;
        // A graph that uses a matrix in no linear map uses it for something else.
        bool graphKnowsBetter = _format is ModelFormat.Onnx or ModelFormat.TensorFlowJs && !knownMatrix && !tensor.Name.EndsWith(".weight", StringComparison.Ordinal);
        return graphKnowsBetter ? LayerKind.Other : LayerKind.Linear;
    }

    /// <summary>An integer matrix that a graph multiplies by is a quantised weight, not a buffer.</summary>
    private static bool IsQuantizedWeight(TensorInfo tensor) =>
        tensor.DType is TensorDType.I8 or TensorDType.U8 or TensorDType.I4 or TensorDType.U4
        && tensor.Role is TensorRole.MatMulRight or TensorRole.LinearWeight or TensorRole.Convolution or TensorRole.TransposedConvolution;

    /// <summary>The side of a matrix that is as long as the bias beside it is the output; square ones do not tell.</summary>
    private WeightOrientation BiasSide(TensorInfo tensor)
    {
        if (!_byName.TryGetValue(LayerNames.Bias(tensor.Name), out TensorInfo? bias) || bias.Shape.Length != 1
            || MatrixShape(tensor) is not (long rows, long columns) || rows == columns)
            return WeightOrientation.None;
        return bias.Shape[0] == rows ? WeightOrientation.OutIn : bias.Shape[0] == columns ? WeightOrientation.InOut : WeightOrientation.None;
    }

    /// <summary>A vector called weight that has a bias of its own length beside it scales a normalisation.</summary>
    private bool OneDimensionalNorm(TensorInfo tensor) =>
        tensor.Name.EndsWith(".weight", StringComparison.Ordinal)
        && (!_byName.TryGetValue(LayerNames.Bias(tensor.Name), out TensorInfo? bias) || bias.Shape.SequenceEqual(tensor.Shape));

    private static string WeightBeside(string bias) =>
        bias.EndsWith(".bias", StringComparison.Ordinal) ? bias[..^5] + ".weight" : "";
}
