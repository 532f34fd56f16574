using LowRankTools.Decompositions.Convolutions;
using LowRankTools.Decompositions.Layers;
using LowRankTools.Formats;
using LowRankTools.Formats.Conversion;
using LowRankTools.Formats.Gguf;
using LowRankTools.Formats.PyTorch;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Core.Storage;

/// <summary>Element types of what is written.</summary>
internal static class OutputTypes
{
    /// <summary>What quantised and very small floats become where they cannot stay: half is wider than all of them.</summary>
    private const TensorDType Fallback = TensorDType.F16;

    /// <summary>Format that is written where none is asked for: a graph stays one, and a file with all that llama.cpp needs to know stays that.</summary>
    public static ModelFormat Default(ModelFormat source) => source is ModelFormat.Onnx or ModelFormat.Gguf ? source : ModelFormat.Safetensors;

    /// <summary>Whether a format can hold the factors of a method other than pairs: graphs need nodes for them, and GGUF kernels. TensorFlow.js has no convolutions of single channels with a step for each side.</summary>
    public static bool Holds(ModelFormat format, LayerMethod method) =>
        method is ConvolutionMethod ? format != ModelFormat.TensorFlowJs || method is not CpConvolution : format is not (ModelFormat.TensorFlowJs or ModelFormat.Gguf);

    /// <summary>Type of a layer's factors.</summary>
    public static TensorDType Factor(TensorDType source, TensorDType? wanted) =>
        wanted is { } type && type != TensorDType.Q8_0 ? type : TensorConversion.IsWritable(source) ? source : Fallback;

    /// <summary>Type of a dense weight that was computed. Q8_0 stays, or is made where it is asked for, if GGUF is written and its blocks fill the rows.</summary>
    /// <param name="source">Its type before.</param>
    /// <param name="wanted">Type that was asked for.</param>
    /// <param name="format">Format that is written.</param>
    /// <param name="shape">Its sizes.</param>
    /// <param name="fallback">Type in place of one that nothing can be computed in.</param>
    public static TensorDType Weight(TensorDType source, TensorDType? wanted, ModelFormat format, IReadOnlyList<long> shape, TensorDType fallback = Fallback) =>
        format == ModelFormat.Gguf && (wanted ?? source) == TensorDType.Q8_0 && shape[^1] % TensorDType.Q8_0.BlockElements() == 0 ? TensorDType.Q8_0
        : wanted is { } type && type != TensorDType.Q8_0 ? type : TensorConversion.IsWritable(source) ? source : fallback;

    /// <summary>Type of a tensor that is not factorized: its own wherever the format can hold it.</summary>
    public static TensorDType Copy(TensorDType source, ModelFormat format, TensorDType? wanted) =>
        Holds(format, source) || !source.IsFloat() ? source : wanted is { } type && type != TensorDType.Q8_0 ? type : Fallback;

    /// <summary>Whether a format can hold a type bit for bit.</summary>
    public static bool Holds(ModelFormat format, TensorDType dtype) =>
        format switch
        {
            ModelFormat.Onnx or ModelFormat.TensorFlowJs => true,
            ModelFormat.Gguf => GgufModelWriter.Supports(dtype),
            ModelFormat.PyTorch => PyTorchModelWriter.Supports(dtype),
            _ => SafetensorsModelWriter.Supports(dtype),
        };
}
