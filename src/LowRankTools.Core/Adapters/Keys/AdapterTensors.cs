using LowRankTools.Formats;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Core.Adapters.Keys;

/// <summary>The tensors of an adapter's file as PyTorch has them, A (r, in) and B (out, r).</summary>
internal static class AdapterTensors
{
    /// <summary>Lists them. ONNX Runtime's files hold what a graph multiplies by, A (in, r) and B (r, out).</summary>
    public static IReadOnlyList<TensorInfo> Of(TensorFile file) => file.Format != ModelFormat.OnnxAdapter ? file.Tensors : [.. file.Tensors.Select(PyTorchs)];

    private static TensorInfo PyTorchs(TensorInfo tensor) =>
        tensor.Shape.Length == 2 && tensor.DType.BlockElements() == 1 && AdapterKey.Of(tensor.Name)?.Part is AdapterPart.A or AdapterPart.B ? tensor.Transposed() : tensor;
}
