using LowRankTools.Formats.Graphs;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.TensorFlowJs;

/// <summary>Element types of the manifest, and the sources that hand out the values of quantised ones.</summary>
internal static class TensorFlowJsElements
{
    /// <summary>Describes one weight and takes its bytes from the shards.</summary>
    /// <exception cref="ModelFormatException"><c>DTypeUnsupported</c>, <c>ShapeOverflow</c>, <c>TensorTruncated</c>.</exception>
    public static TensorInfo Describe(TensorFlowJsWeight weight, TensorFlowJsShards shards, TensorFlowRoles roles)
    {
        TensorDType stored = Stored(weight);
        TensorDType dtype = weight.Quantization is null || stored == TensorDType.F16 ? stored : Plain(weight.DType, weight.Name);
        long elements = TensorShape.ElementCount(weight.Shape, weight.Name);
        ITensorSource source = shards.Take(TensorShape.ByteLength(stored, elements, weight.Name), weight.Name);
        if (weight.Quantization is { } quantization && dtype != stored)
            source = new DequantizedRegion(source, stored.BlockBytes(), quantization, dtype == TensorDType.I32);
        return new TensorInfo(weight.Name, dtype, weight.Shape, source) { Role = roles.Find(weight.Name, new GraphWeight(weight.Shape, dtype)) };
    }

    private static TensorDType Stored(TensorFlowJsWeight weight)
    {
        if (weight.Quantization is not { } quantization)
            return Plain(weight.DType, weight.Name);
        TensorDType values = Plain(weight.DType, weight.Name);
        return (quantization.DType, values) switch
        {
            ("float16", TensorDType.F32) => TensorDType.F16,
            ("uint8", TensorDType.F32 or TensorDType.I32) => TensorDType.U8,
            ("uint16", TensorDType.F32 or TensorDType.I32) => TensorDType.U16,
            _ => throw Unsupported($"{weight.DType} quantised to {quantization.DType}", weight.Name),
        };
    }

    private static TensorDType Plain(string dtype, string tensor) => dtype switch
    {
        "float32" => TensorDType.F32,
        "float16" => TensorDType.F16,
        "int32" => TensorDType.I32,
        "uint16" => TensorDType.U16,
        "int16" => TensorDType.I16,
        "uint8" => TensorDType.U8,
        "int8" => TensorDType.I8,
        "bool" => TensorDType.BOOL,
        "complex64" => TensorDType.C64,
        _ => throw Unsupported(dtype, tensor),
    };

    private static ModelFormatException Unsupported(string dtype, string tensor) =>
        new(FormatErrors.DTypeUnsupported, $"Tensor '{tensor}' has the element type {dtype}, which is not read here.", tensor: tensor);
}
