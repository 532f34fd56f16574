using LowRankTools.Formats.Graphs;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Onnx;

/// <summary>What ONNX operators, the contributed ones of ONNX Runtime included, say of their inputs.</summary>
internal static class OnnxOperators
{
    /// <summary>The meaning of one use of a weight.</summary>
    public static UseMeaning Meaning(GraphUse use, GraphWeight weight) => (use.Node.Op, use.Input) switch
    {
        ("MatMul" or "Gemm" or "FusedMatMul" or "FusedGemm" or "MatMulInteger" or "DynamicQuantizeMatMul", 0 or 1) =>
            OperandMeaning.Product(use.Node, use.Input == 0, weight),
        ("QLinearMatMul", 0 or 3) => OperandMeaning.Product(use.Node, use.Input == 0, weight),
        ("Attention" or "QAttention", 1) when weight.Rank == 2 => UseMeaning.Is(TensorRole.MatMulRight),
        ("ConvTranspose", 1) => UseMeaning.Is(TensorRole.TransposedConvolution),
        ("Conv" or "ConvInteger" or "FusedConv", 1) or ("QLinearConv", 3) => UseMeaning.Is(TensorRole.Convolution),
        ("Gather" or "GatherBlockQuantized", 0) when weight.Rank >= 2 && IsValue(weight.DType) => UseMeaning.Is(TensorRole.Embedding),
        ("EmbedLayerNormalization", 2 or 3 or 4) => UseMeaning.Is(TensorRole.Embedding),
        ("LSTM" or "GRU" or "RNN", 1 or 2 or 7) => UseMeaning.Is(TensorRole.Recurrent),
        ("LSTM" or "GRU" or "RNN", 3) => UseMeaning.Is(TensorRole.Bias),
        ("BatchNormalization" or "LayerNormalization" or "InstanceNormalization" or "GroupNormalization" or "RMSNormalization"
            or "SimplifiedLayerNormalization", 1 or 2) => UseMeaning.Is(TensorRole.Normalization),
        ("SkipLayerNormalization", 2 or 3) or ("SkipSimplifiedLayerNormalization", 2) => UseMeaning.Is(TensorRole.Normalization),
        ("EmbedLayerNormalization", 5 or 6) => UseMeaning.Is(TensorRole.Normalization),
        ("Gemm" or "FusedGemm" or "Conv" or "ConvTranspose" or "FusedConv" or "Attention" or "QAttention", 2) => UseMeaning.Is(TensorRole.Bias),
        ("QLinearConv", 8) or ("BiasGelu" or "FastGelu", 1) or ("SkipLayerNormalization", 4) or ("SkipSimplifiedLayerNormalization", 3) =>
            UseMeaning.Is(TensorRole.Bias),
        ("Identity" or "Cast" or "CastLike" or "Dropout" or "QuantizeLinear" or "DequantizeLinear", 0) => UseMeaning.HandsOn(WeightLayout.Stored),
        ("Transpose", 0) => OperandMeaning.Transposed(use.Node.Permutation, weight.Rank),
        ("Reshape" or "Squeeze" or "Unsqueeze" or "Flatten" or "Slice" or "Split" or "Expand", 0) or ("Concat", _) =>
            UseMeaning.HandsOn(WeightLayout.Other),
        ("Add", _) => OperandMeaning.Summand(use, weight, IsProduct),
        ("Mul", _) => OperandMeaning.Factor(use, weight),
        ("Sub" or "Div" or "Pow" or "Min" or "Max" or "Equal" or "Greater" or "Less" or "GreaterOrEqual" or "LessOrEqual" or "Where"
            or "PRelu" or "Mod", _) => OperandMeaning.Number(weight),
        _ => IsSetting(use) ? UseMeaning.Is(TensorRole.Buffer) : UseMeaning.Nothing,
    };

    private static bool IsProduct(string op) =>
        op is "MatMul" or "Gemm" or "FusedMatMul" or "FusedGemm" or "MatMulInteger" or "QLinearMatMul" or "Conv" or "ConvTranspose"
            or "ConvInteger" or "QLinearConv";

    /// <summary>Floats, and the narrow integers that floats are quantised to; wider ones are shapes and indices.</summary>
    private static bool IsValue(TensorDType dtype) =>
        dtype.IsFloat() || dtype is TensorDType.I8 or TensorDType.U8 or TensorDType.I4 or TensorDType.U4;

    /// <summary>Inputs that set an operation up: statistics, scales, sizes, limits, initial states.</summary>
    private static bool IsSetting(GraphUse use) => use.Node.Op switch
    {
        "BatchNormalization" => use.Input is 3 or 4,
        "LSTM" or "GRU" or "RNN" => use.Input is 4 or 5 or 6,
        "QuantizeLinear" or "DequantizeLinear" or "Clip" or "Pad" or "Resize" or "Upsample" or "Reshape" or "Expand" or "Slice"
            or "Dropout" or "OneHot" or "Range" or "MatMulInteger" or "DynamicQuantizeMatMul" or "QLinearMatMul" or "QLinearConv"
            or "ConvInteger" or "CumSum" or "NonMaxSuppression" => use.Input > 0,
        _ => false,
    };
}
