namespace LowRankTools.Formats;

/// <summary>File formats of models.</summary>
public enum ModelFormat
{
    /// <summary>Hugging Face safetensors, single or sharded by index.</summary>
    Safetensors,
    /// <summary>PyTorch: zip archives, TorchScript archives, and the pickle stream used before version 1.6.</summary>
    PyTorch,
    /// <summary>ONNX protobuf.</summary>
    Onnx,
    /// <summary>GGUF version 2 and 3.</summary>
    Gguf,
    /// <summary>TensorFlow.js: model.json with binary shards.</summary>
    TensorFlowJs,
}
