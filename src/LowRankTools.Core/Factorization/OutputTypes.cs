using LowRankTools.Formats;

namespace LowRankTools.Core;

/// <summary>Element types of what is written.</summary>
internal static class OutputTypes
{
    /// <summary>What quantised and very small floats become where they cannot stay: half is wider than all of them.</summary>
    private const TensorDType Fallback = TensorDType.F16;

    /// <summary>Format that is written where none is asked for: a graph stays one.</summary>
    public static ModelFormat Default(ModelFormat source) => source == ModelFormat.Onnx ? ModelFormat.Onnx : ModelFormat.Safetensors;

    /// <summary>Type of a layer's factors.</summary>
    public static TensorDType Factor(TensorDType source, TensorDType? wanted) =>
        wanted ?? (TensorConversion.IsWritable(source) ? source : Fallback);

    /// <summary>Type of a tensor that is not factorized: its own wherever the format can hold it.</summary>
    public static TensorDType Copy(TensorDType source, ModelFormat format, TensorDType? wanted) =>
        Holds(format, source) || !source.IsFloat() ? source : wanted ?? Fallback;

    /// <summary>Whether a format can hold a type bit for bit.</summary>
    public static bool Holds(ModelFormat format, TensorDType dtype) =>
        format == ModelFormat.Onnx || (format == ModelFormat.PyTorch ? PyTorchModelWriter.Supports(dtype) : SafetensorsModelWriter.Supports(dtype));
}
