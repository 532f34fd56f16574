namespace LowRankTools.Core.Adapters.Keys;

/// <summary>The habit by which an adapter's file names its tensors.</summary>
public enum AdapterLayout
{
    /// <summary>PEFT: <c>X.lora_A.weight</c> and <c>X.lora_B.weight</c>, with <c>adapter_config.json</c> beside them.</summary>
    Peft,
    /// <summary>kohya and ComfyUI: <c>X.lora_down.weight</c>, <c>X.lora_up.weight</c> and <c>X.alpha</c> in one file.</summary>
    Kohya,
    /// <summary>loralib: <c>X.lora_A</c> and <c>X.lora_B</c> of a state dict, which knows no scale.</summary>
    LoraLib,
    /// <summary>llama.cpp: <c>X.weight.lora_a</c> and <c>X.weight.lora_b</c> in one GGUF file, whose names and order of rows are those of GGUF models.</summary>
    Gguf,
    /// <summary>LoTR: <c>X.lotr_M.G</c> for each layer, <c>lotr_L.G</c> and <c>lotr_R.G</c> for all layers of one shape G, in one file.</summary>
    Lotr,
    /// <summary>ONNX Runtime: <c>X.lora_A.weight</c> (in, r) and <c>X.lora_B.weight</c> (r, out) in one <c>.onnx_adapter</c> file, the scale inside B; inputs of a graph have these names.</summary>
    OnnxRuntime,
}
