namespace LowRankTools.PowerShell.Commands;

/// <summary>Formats that models are written in.</summary>
public enum OutputFormat
{
    /// <summary>Safetensors, single or sharded by index.</summary>
    Safetensors,
    /// <summary>A zip archive that torch.load opens.</summary>
    PyTorch,
    /// <summary>The ONNX graph of the source with pairs of MatMul in place of one.</summary>
    Onnx,
    /// <summary>GGUF, for models that are in it: what llama.cpp reads beside the weights goes along.</summary>
    Gguf,
    /// <summary>The graph of a TensorFlow.js graph model with pairs of products in place of one: model.json and shards.</summary>
    TensorFlowJs,
}
