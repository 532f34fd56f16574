using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Storage;
using LowRankTools.Formats;
using LowRankTools.Formats.TensorFlowJs;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Factorization;

/// <summary>What a graph can be written with.</summary>
internal static class GraphOutputCheck
{
    /// <summary>Refuses what a graph cannot be written with.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>; <c>OutputFormatNotWritten</c>: a TensorFlow.js model of layers.</exception>
    public static void Graph(Model model, ModelFormat format, FactorizeOptions options)
    {
        OutputCheck.Source(model, format, options.DType);
        SharedBasisCheck.Format(model, format, options);
        if (options.Quantize is { } kind)
            QuantizedParts.Check(kind, format);
        if (options.DenseTwoOfFour && format.IsGraph())
            throw OutputCheck.Invalid($"{model.Source.Path}: what stays dense in a graph stays as it is.", "Leave -DenseSparsity out, or write Safetensors.");
        if (options.QuantizeDense && format.IsGraph())
            throw OutputCheck.Invalid($"{model.Source.Path}: what stays dense in a graph stays as it is.", "Leave -QuantizeDense out, or write Safetensors.");
        if (options.DType == TensorDType.Q8_0)
            throw OutputCheck.Invalid($"{model.Source.Path}: the columns of factors are no whole blocks of Q8_0.", "Choose F32, F16 or BF16.");
        if (!format.IsGraph())
            return;
        if (model.File.Format != format)
            throw OutputCheck.Invalid($"{model.Source.Path}: only {(format == ModelFormat.Onnx ? "an ONNX" : "a TensorFlow.js")} model can be written as one: the others do not have its graph.", "Write Safetensors or PyTorch.");
        if (model.File is TensorFlowJsFile { IsGraph: false })
        {
            throw new LowRankToolsException(CoreErrors.OutputFormatNotWritten, $"{model.Source.Path}: layers of Keras, and no graph, say what this model computes, and none of them is a pair.",
                "Convert it with tensorflowjs_converter --output_format=tfjs_graph_model, or write Safetensors.");
        }
        if (options.DType is not null || options.FirstBias || options.MaxShardBytes > 0)
            throw OutputCheck.Invalid($"{model.Source.Path}: a graph keeps its types, has no biases of zeros and is one file.", "Leave -DType, -FirstBias and -MaxShardSize out, or write Safetensors.");
    }
}
