using LowRankTools.Formats.Graphs;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.TensorFlowJs;

/// <summary>What TensorFlow's operations say of their inputs.</summary>
internal static class TensorFlowOperators
{
    /// <summary>The meaning of one use of a weight.</summary>
    public static UseMeaning Meaning(GraphUse use, GraphWeight weight) => (use.Node.Op, use.Input) switch
    {
        ("MatMul" or "_FusedMatMul" or "BatchMatMul" or "BatchMatMulV2" or "BatchMatMulV3", 0 or 1) =>
            OperandMeaning.Product(use.Node, use.Input == 0, weight),
        ("Conv1D" or "Conv2D" or "Conv3D" or "_FusedConv2D" or "FusedConv2D", 1) => UseMeaning.Is(Kernel(weight)),
        ("DepthwiseConv2dNative" or "FusedDepthwiseConv2dNative", 1) => UseMeaning.Is(TensorRole.ConvolutionChannelsLast),
        // The way back of a convolution, which a transposed one is: the kernel is that of the convolution.
        ("Conv2DBackpropInput" or "Conv3DBackpropInputV2", 1) => UseMeaning.Is(TensorRole.TransposedConvolutionChannelsLast),
        ("_FusedMatMul" or "_FusedConv2D" or "FusedConv2D" or "FusedDepthwiseConv2dNative", 2) => UseMeaning.Is(TensorRole.Bias),
        ("BiasAdd" or "BiasAddV1", 1) => UseMeaning.Is(TensorRole.Bias),
        ("GatherV2" or "Gather" or "ResourceGather" or "GatherNd", 0) when weight.Rank >= 2 && weight.DType.IsFloat() =>
            UseMeaning.Is(TensorRole.Embedding),
        ("FusedBatchNorm" or "FusedBatchNormV2" or "FusedBatchNormV3", 1 or 2) => UseMeaning.Is(TensorRole.Normalization),
        ("FusedBatchNorm" or "FusedBatchNormV2" or "FusedBatchNormV3", 3 or 4) => UseMeaning.Is(TensorRole.Buffer),
        ("Identity" or "Cast" or "ReadVariableOp" or "StopGradient" or "Snapshot" or "Enter" or "Switch", 0) =>
            UseMeaning.HandsOn(WeightLayout.Stored),
        // The axes are a tensor of their own; of a matrix they can only swap the two.
        ("Transpose", 0) => OperandMeaning.Transposed(weight.Rank == 2 ? [1, 0] : null, weight.Rank),
        ("Reshape" or "ExpandDims" or "Squeeze" or "StridedSlice" or "Slice", 0) or ("ConcatV2" or "Pack" or "Split" or "SplitV", _) =>
            UseMeaning.HandsOn(WeightLayout.Other),
        ("Add" or "AddV2", _) => OperandMeaning.Summand(use, weight, IsProduct),
        ("Mul", _) => OperandMeaning.Factor(use, weight),
        ("Sub" or "RealDiv" or "Div" or "Pow" or "Maximum" or "Minimum" or "Equal" or "Greater" or "Less" or "GreaterEqual" or "LessEqual"
            or "Select" or "SelectV2" or "ClipByValue" or "FloorMod" or "SquaredDifference" or "Fill" or "PadV2" or "SparseToDense", _) =>
            OperandMeaning.Number(weight),
        _ => UseMeaning.Nothing,
    };

    /// <summary>A kernel of size one is a matrix, (1, 1, in, out): attention is often written so.</summary>
    public static TensorRole Kernel(GraphWeight weight) =>
        weight.Rank > 2 && weight.Shape.Take(weight.Rank - 2).All(size => size == 1) ? TensorRole.MatMulRight : TensorRole.ConvolutionChannelsLast;

    private static bool IsProduct(string op) => op is "MatMul" or "BatchMatMul" or "BatchMatMulV2" or "BatchMatMulV3" or "Conv1D" or "Conv2D" or "Conv3D";
}
