namespace LowRankTools.Core.Adapters.Keys;

/// <summary>What a tensor is in an adapter.</summary>
internal enum AdapterPart
{
    /// <summary>The factor that is used first.</summary>
    A,
    /// <summary>The other factor.</summary>
    B,
    /// <summary>The core between two factors of a convolution.</summary>
    Mid,
    /// <summary>A number that the scale is made from.</summary>
    Alpha,
    /// <summary>Lengths of the weight's rows.</summary>
    Magnitude,
}

/// <summary>A tensor's name in an adapter, taken apart.</summary>
/// <param name="Module">The module that is adapted.</param>
/// <param name="Part">What the tensor is for it.</param>
/// <param name="Layout">Whose habit the name follows; null for parts that several have.</param>
/// <param name="IsEmbedding">Whether the name is of an embedding's adapter.</param>
internal readonly record struct AdapterKey(string Module, AdapterPart Part, AdapterLayout? Layout, bool IsEmbedding)
{
    /// <summary>The only embedding that llama.cpp adapts.</summary>
    public const string GgufEmbedding = "token_embd";

    private const string PeftPrefix = "base_model.model.";

    private static readonly (string Ending, AdapterPart Part, AdapterLayout? Layout, bool IsEmbedding)[] s_endings =
    [
        (".lora_A.weight", AdapterPart.A, AdapterLayout.Peft, false),
        (".lora_B.weight", AdapterPart.B, AdapterLayout.Peft, false),
        (".lora_A.default.weight", AdapterPart.A, AdapterLayout.Peft, false),
        (".lora_B.default.weight", AdapterPart.B, AdapterLayout.Peft, false),
        (".lora_embedding_A", AdapterPart.A, AdapterLayout.Peft, true),
        (".lora_embedding_B", AdapterPart.B, AdapterLayout.Peft, true),
        (".lora_magnitude_vector", AdapterPart.Magnitude, AdapterLayout.Peft, false),
        (".lora_magnitude_vector.weight", AdapterPart.Magnitude, AdapterLayout.Peft, false),
        (".lora_down.weight", AdapterPart.A, AdapterLayout.Kohya, false),
        (".lora_up.weight", AdapterPart.B, AdapterLayout.Kohya, false),
        (".lora_mid.weight", AdapterPart.Mid, AdapterLayout.Kohya, false),
        (".lora_A", AdapterPart.A, AdapterLayout.LoraLib, false),
        (".lora_B", AdapterPart.B, AdapterLayout.LoraLib, false),
        (".alpha", AdapterPart.Alpha, null, false),
        (".weight.lora_a", AdapterPart.A, AdapterLayout.Gguf, false),
        (".weight.lora_b", AdapterPart.B, AdapterLayout.Gguf, false),
        (".lora_A.MatMul.weight", AdapterPart.A, AdapterLayout.OnnxRuntime, false),
        (".lora_B.MatMul.weight", AdapterPart.B, AdapterLayout.OnnxRuntime, false),
    ];

    // Other products than B A, which nothing here may take for a plain pair.
    private static readonly (string Part, string Kind)[] s_otherKinds =
    [
        (".hada_w", "LoHa"), (".lokr_w", "LoKr"), (".oft_", "OFT"), (".dora_scale", "LyCORIS DoRA"), (".ia3_l", "IA3"), (".vera_lambda", "VeRA"),
    ];

    /// <summary>Takes a name apart; null for a tensor that is no part of a low-rank pair.</summary>
    public static AdapterKey? Of(string name)
    {
        foreach ((string ending, AdapterPart part, AdapterLayout? layout, bool embedding) in s_endings)
        {
            if (name.Length > ending.Length && name.EndsWith(ending, StringComparison.Ordinal))
            {
                string module = WithoutPrefix(name[..^ending.Length]);
                return new AdapterKey(module, part, layout, embedding || layout == AdapterLayout.Gguf && module == GgufEmbedding);
            }
        }
        return null;
    }

    /// <summary>The kind of adapter that a tensor of another kind belongs to; null where its name tells none.</summary>
    public static string? OtherKind(string name) => s_otherKinds.FirstOrDefault(k => name.Contains(k.Part, StringComparison.Ordinal)).Kind;

    /// <summary>Name of a factor in a layout that is written.</summary>
    public static string Write(AdapterLayout layout, string module, AdapterPart part, bool embedding) => (layout, part) switch
    {
        (AdapterLayout.Kohya, AdapterPart.A) => module + ".lora_down.weight",
        (AdapterLayout.Kohya, AdapterPart.B) => module + ".lora_up.weight",
        (AdapterLayout.Kohya, _) => module + ".alpha",
        (AdapterLayout.Gguf, AdapterPart.A) => module + ".weight.lora_a",
        (AdapterLayout.Gguf, _) => module + ".weight.lora_b",
        (AdapterLayout.OnnxRuntime, AdapterPart.A) => module + ".lora_A.weight",
        (AdapterLayout.OnnxRuntime, _) => module + ".lora_B.weight",
        (_, AdapterPart.Magnitude) => PeftPrefix + module + ".lora_magnitude_vector",
        (_, AdapterPart.A) => PeftPrefix + module + (embedding ? ".lora_embedding_A" : ".lora_A.weight"),
        _ => PeftPrefix + module + (embedding ? ".lora_embedding_B" : ".lora_B.weight"),
    };

    /// <summary>A module's name without what PEFT puts before it.</summary>
    public static string WithoutPrefix(string module) =>
        module.StartsWith(PeftPrefix, StringComparison.Ordinal) && module.Length > PeftPrefix.Length ? module[PeftPrefix.Length..] : module;
}
