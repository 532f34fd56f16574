using LowRankTools.Formats.Quantization;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Onnx;

/// <summary>Matrices of a graph that it makes of int8 levels and one scale a column, as <see cref="OnnxPairNodes.Dequantize"/> says.</summary>
internal static class OnnxQuantized
{
    /// <summary>The tensors with those matrices in place of levels and scales; the same list where there are none.</summary>
    public static List<TensorInfo> Combine(OnnxGraph graph, List<TensorInfo> tensors)
    {
        List<OnnxNode> nodes = [.. graph.Nodes.Where(n => n.OpType == OnnxPairNodes.DequantizeOperator && n.Domain is "" or "ai.onnx" && n.Inputs.Count == 2 && n.Axis == 1)];
        if (nodes.Count == 0)
            return tensors;
        Dictionary<string, TensorInfo> byName = new(StringComparer.Ordinal), made = new(StringComparer.Ordinal);
        HashSet<string> scales = new(StringComparer.Ordinal);
        foreach (TensorInfo tensor in tensors)
            byName.TryAdd(tensor.Name, tensor);
        foreach (OnnxNode node in nodes)
        {
            if (!byName.TryGetValue(node.Inputs[0], out TensorInfo? levels) || !byName.TryGetValue(node.Inputs[1], out TensorInfo? scale)
                || levels.DType != TensorDType.I8 || levels.Shape.Length != 2 || levels.ElementCount == 0 || scale.DType != TensorDType.F32 || !scale.Shape.SequenceEqual([levels.Shape[1]]))
                continue;
            made[levels.Name] = QuantizedTensors.Of(levels.Name, levels.Shape, levels, scale, run: 1, levels.Role);
            scales.Add(scale.Name);
        }
        return [.. tensors.Where(t => !scales.Contains(t.Name)).Select(t => made.GetValueOrDefault(t.Name, t))];
    }
}
