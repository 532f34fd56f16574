using System.Runtime.InteropServices;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Networks.Layers;

namespace LowRankTools.Core.Calibration;

/// <summary>The tensors that a collection writes of a layer, in float64.</summary>
internal static class CalibrationTensors
{
    /// <summary>The Gram matrix of its inputs, in x in; <paramref name="part"/> says of which.</summary>
    public static TensorSpec Gram(Linear layer, string name, string part) => new($"{name}.{part}{CalibrationNames.Gram}", TensorDType.F64, [layer.InFeatures, layer.InFeatures]);

    /// <summary>That of the gradients at its outputs, out x out.</summary>
    public static TensorSpec OutputGram(Linear layer, string name) => new($"{name}.{CalibrationNames.OutputGram}", TensorDType.F64, [layer.OutFeatures, layer.OutFeatures]);

    /// <summary>The gradient of the loss at its weight, out x in.</summary>
    public static TensorSpec WeightGradient(Linear layer, string name) => new($"{name}.{CalibrationNames.WeightGradient}", TensorDType.F64, [layer.OutFeatures, layer.InFeatures]);

    /// <summary>The tokens that were summed over.</summary>
    public static TensorSpec Count(string name) => new($"{name}.{CalibrationNames.Count}", TensorDType.F64, [1]);

    /// <summary>Writes one.</summary>
    public static void Write(SafetensorsModelWriter writer, TensorSpec spec, double[] values)
    {
        writer.Begin(spec);
        writer.Write(MemoryMarshal.AsBytes<double>(values));
    }
}
