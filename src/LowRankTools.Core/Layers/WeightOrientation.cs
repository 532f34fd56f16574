namespace LowRankTools.Core.Layers;

/// <summary>Which side of a stored matrix is the layer's input.</summary>
public enum WeightOrientation
{
    /// <summary>The tensor is no matrix of a linear map.</summary>
    None,
    /// <summary>Rows are outputs, as PyTorch's Linear stores them: y = x W^T.</summary>
    OutIn,
    /// <summary>Rows are inputs, as TensorFlow, ONNX MatMul and GPT-2's Conv1D store them: y = x W.</summary>
    InOut,
}
