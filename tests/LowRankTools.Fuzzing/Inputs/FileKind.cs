namespace LowRankTools.Fuzzing.Inputs;

/// <summary>What a file is made of, and so in which ways its structure can be damaged.</summary>
internal enum FileKind
{
    Safetensors,
    Json,
    Archive,
    Pickle,
    Onnx,
    Gguf,
    Raw,
}
