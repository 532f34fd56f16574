using System.Globalization;
using System.Text.RegularExpressions;
using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Formats;
using LowRankTools.Formats.Files;

namespace LowRankTools.Core.Adapters;

/// <summary>
/// How an architecture of llama.cpp calls the modules that PyTorch's model has other names for, and in which order it stores
/// rows. Adapters are trained on PyTorch's model: on a GGUF model they need both.
/// </summary>
internal sealed partial class GgufFamily
{
    private static readonly (string Theirs, string Gguf)[] s_llama =
    [
        ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"), ("self_attn.v_proj", "attn_v"), ("self_attn.o_proj", "attn_output"), ("self_attn.qkv_proj", "attn_qkv"),
        ("mlp.gate_proj", "ffn_gate"), ("mlp.up_proj", "ffn_up"), ("mlp.down_proj", "ffn_down"), ("mlp.gate_up_proj", "ffn_up"),
    ];

    private static readonly (string Theirs, string Gguf)[] s_gpt2 =
        [("attn.c_attn", "attn_qkv"), ("attn.c_proj", "attn_output"), ("mlp.c_fc", "ffn_up"), ("mlp.c_proj", "ffn_down")];

    private static readonly (string Theirs, string Gguf)[] s_llamaEnds = [("model.embed_tokens", "token_embd"), ("lm_head", "output")];
    private static readonly (string Theirs, string Gguf)[] s_gpt2Ends = [("transformer.wte", "token_embd"), ("transformer.wpe", "position_embd"), ("lm_head", "output")];

    // Those whose rotary embedding turns neighbours: the converter puts the halves of each head of queries and keys into one another.
    private static readonly string[] s_interleaved = ["llama", "granite"];
    private static readonly string[] s_straight = ["qwen2", "qwen3", "gemma", "gemma2", "gemma3", "phi3"];

    private readonly string _container;
    private readonly (string Theirs, string Gguf)[] _parts, _ends;
    private readonly int? _heads, _keyHeads;
    private readonly bool _interleaved, _packed;

    private GgufFamily(string architecture, IReadOnlyDictionary<string, string> metadata)
    {
        bool gpt2 = architecture == "gpt2";
        (_container, _parts, _ends) = gpt2 ? ("transformer.h.", s_gpt2, s_gpt2Ends) : ("model.layers.", s_llama, s_llamaEnds);
        FanInFanOut = gpt2;
        _packed = architecture == "phi3";
        _interleaved = s_interleaved.Contains(architecture);
        _heads = Number(metadata, $"{architecture}.attention.head_count");
        _keyHeads = metadata.ContainsKey($"{architecture}.attention.head_count_kv") ? Number(metadata, $"{architecture}.attention.head_count_kv") : _heads;
    }

    /// <summary>Whether PyTorch's model stores weights (in, out).</summary>
    public bool FanInFanOut { get; }

    /// <summary>The habits of a GGUF model's architecture; null for other formats, and for architectures that are not known here.</summary>
    public static GgufFamily? Of(TensorFile file) =>
        file.Format == ModelFormat.Gguf && file.Metadata.GetValueOrDefault(GgufAdapterKeys.Architecture) is { } name && (s_interleaved.Contains(name) || s_straight.Contains(name) || name == "gpt2")
            ? new GgufFamily(name, file.Metadata) : null;

    /// <summary>GGUF's name of a module that PyTorch's model has; null for one that is not known.</summary>
    public string? ToGguf(string module)
    {
        string name = module;
        // Containers around containers are said by some programs and not by others.
        while (name.StartsWith("model.model.", StringComparison.Ordinal))
            name = name["model.".Length..];
        string within = _container[(_container.IndexOf('.', StringComparison.Ordinal) + 1)..];
        if (name.StartsWith(within, StringComparison.Ordinal))
            name = _container[..^within.Length] + name;
        if (!name.StartsWith(_container, StringComparison.Ordinal))
            return Array.Find(_ends, e => e.Theirs == name).Gguf;
        return Layer().Match(name[_container.Length..]) is { Success: true } layer && Array.Find(_parts, p => p.Theirs == layer.Groups[2].Value).Gguf is { } part
            ? $"blk.{layer.Groups[1].Value}.{part}" : null;
    }

    /// <summary>PyTorch's name of a module that a GGUF model has; null for one that is not known.</summary>
    public string? FromGguf(string module)
    {
        if (Block().Match(module) is not { Success: true } block)
            return Array.Find(_ends, e => e.Gguf == module).Theirs;
        (string Theirs, string Gguf)[] found = Array.FindAll(_parts, p => p.Gguf == block.Groups[2].Value);
        return found.Length == 0 ? null : $"{_container}{block.Groups[1].Value}.{(_packed ? found[^1] : found[0]).Theirs}";
    }

    /// <summary>How rows of a module's outputs are ordered against PyTorch's; null where the model does not say how many heads there are.</summary>
    /// <param name="module">GGUF's name.</param>
    /// <param name="rows">Outputs.</param>
    public RowOrder? OrderOf(string module, long rows)
    {
        bool query = module.EndsWith(".attn_q", StringComparison.Ordinal), key = module.EndsWith(".attn_k", StringComparison.Ordinal);
        if (!_interleaved || !query && !key)
            return RowOrder.Same;
        return (query ? _heads : _keyHeads) is { } heads && heads > 0 && rows % (2L * heads) == 0 ? new RowOrder(heads) : null;
    }

    private static int? Number(IReadOnlyDictionary<string, string> metadata, string key) =>
        metadata.TryGetValue(key, out string? text) && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;

    [GeneratedRegex(@"\A([0-9]{1,6})\.(.+)\z", RegexOptions.CultureInvariant)]
    private static partial Regex Layer();

    [GeneratedRegex(@"\Ablk\.([0-9]{1,6})\.(.+)\z", RegexOptions.CultureInvariant)]
    private static partial Regex Block();
}
