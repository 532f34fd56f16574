using LowRankTools.Formats;
using LowRankTools.Formats.Quantization;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Storage;

/// <summary>Which tensors of a file stand for a quantised matrix, and which matrices a format cannot hold so.</summary>
internal static class QuantizedParts
{
    /// <summary>The tensors, in the order in which they are written.</summary>
    /// <param name="kind">How the matrix is stored.</param>
    /// <param name="format">Format that is written.</param>
    /// <param name="matrix">Name and sizes; of a graph (in, out).</param>
    /// <param name="layer">Name of the layer, for errors.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: the format, or the sizes, do not allow it.</exception>
    public static IReadOnlyList<TensorSpec> Of(WeightQuantization kind, ModelFormat format, TensorSpec matrix, string layer)
    {
        Check(kind, format);
        if (format == ModelFormat.Onnx && matrix.DType != TensorDType.F32)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"'{layer}': a graph of {matrix.DType} values takes no int8 factors here.", "Use the float32 model, or write Safetensors.");
        if (format == ModelFormat.Onnx)
            return [matrix with { DType = TensorDType.I8 }, new TensorSpec(matrix.Name + "_scale", TensorDType.F32, [matrix.Shape[1]])];
        if (!Fits(kind, matrix.Shape[^1]))
        {
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"'{layer}': rows of {matrix.Shape[^1]} of '{matrix.Name}' are no whole blocks of {QuantizedLayout.RowMultiple(kind)} ({kind}).",
                $"Choose ranks that are multiples of {QuantizedLayout.RowMultiple(kind)}, Int8, or leave the layer out with -Exclude.");
        }
        return format == ModelFormat.Gguf ? [matrix with { DType = QuantizedLayout.BlockType(kind)!.Value }] : QuantizedLayout.Tensors(kind, matrix);
    }

    /// <summary>Whether rows of a length are whole blocks.</summary>
    public static bool Fits(WeightQuantization kind, long columns) => columns % QuantizedLayout.RowMultiple(kind) == 0;

    /// <summary>Refuses formats that have no place for it.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    public static void Check(WeightQuantization kind, ModelFormat format)
    {
        (string problem, string remedy) = (format, kind) switch
        {
            (ModelFormat.Safetensors, _) or (ModelFormat.Gguf, not WeightQuantization.Int8) or (ModelFormat.Onnx, WeightQuantization.Int8) => ("", ""),
            (ModelFormat.Gguf, _) => ("GGUF has no int8 with a scale for each row.", "Choose Q8_0 or Q4_0, or write Safetensors."),
            (ModelFormat.Onnx, _) => ($"{kind} are ggml's blocks, which runtimes of graphs do not multiply by.", "Choose Int8, or write Safetensors."),
            _ => ($"Quantised factors are not written as {format}.", "Write Safetensors."),
        };
        if (problem.Length > 0)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, problem, remedy);
    }
}
