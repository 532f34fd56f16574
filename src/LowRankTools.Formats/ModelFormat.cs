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
    /// <summary>Adapters of ONNX Runtime.</summary>
    OnnxAdapter,
}

/// <summary>What follows from a format.</summary>
public static class ModelFormatExtensions
{
    /// <summary>Whether a file of it says what is computed, so that it is written with factors where they are used.</summary>
    public static bool IsGraph(this ModelFormat format) => format is ModelFormat.Onnx or ModelFormat.TensorFlowJs;
}
