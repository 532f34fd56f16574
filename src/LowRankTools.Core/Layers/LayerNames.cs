using System.Buffers;
using System.Text.RegularExpressions;

namespace LowRankTools.Core.Layers;

/// <summary>What names of tensors say, across the naming habits of PyTorch, TensorFlow, ONNX and GGUF.</summary>
internal static partial class LayerNames
{
    private const string Weight = ".weight";

    // A model has thousands of names and few of them are special: a vectorised search for a part that every special
    // name has spares most of them the expression.
    private static readonly SearchValues<string> s_bufferParts = Parts("running_", "batches", "_ids", "freq", "bias", "mask", "index", "moving_");
    private static readonly SearchValues<string> s_embeddingParts = Parts("emb", "wte", "wpe", "lookup");
    private static readonly SearchValues<string> s_packedParts = Parts("in_proj", "c_attn", "qkv", "query_key", "to_kv", "kv_proj");
    private static readonly SearchValues<string> s_recurrentParts = Parts("weight_", "recurrent", "lstm", "gru");
    private static readonly SearchValues<string> s_transposedParts = Parts("c_attn", "c_proj", "c_fc", "q_attn");

    /// <summary>Name of the module that owns a weight: <c>a.b.weight</c> is <c>a.b</c>'s; other names stand for themselves.</summary>
    public static string Module(string tensor) =>
        tensor.EndsWith(Weight, StringComparison.Ordinal) && tensor.Length > Weight.Length ? tensor[..^Weight.Length] : tensor;

    /// <summary>Name of the bias beside a weight, in PyTorch's habit.</summary>
    public static string Bias(string weight) => Module(weight) + ".bias";

    /// <summary>Running statistics, position ids, masks, frequencies: there, and not learned.</summary>
    public static bool IsBuffer(string name) => Has(name, s_bufferParts) && BufferName().IsMatch(name);

    /// <summary>Scale or shift of a normalisation.</summary>
    public static bool IsNorm(string name) => NormName().IsMatch(name);

    public static bool IsBias(string name) => BiasName().IsMatch(name);

    /// <summary>A table of tokens, positions or segments; not a projection out of or into an embedding space.</summary>
    public static bool IsEmbedding(string name) => Has(name, s_embeddingParts) && EmbeddingName().IsMatch(name) && !NotEmbeddingName().IsMatch(name);

    /// <summary>Query, key and value in one matrix.</summary>
    public static bool IsAttentionPacked(string name) => Has(name, s_packedParts) && PackedName().IsMatch(name);

    public static bool IsRecurrent(string name) => Has(name, s_recurrentParts) && RecurrentName().IsMatch(name);

    /// <summary>Layers that GPT-2's Conv1D class stores (in, out): c_attn, c_proj, c_fc, q_attn.</summary>
    public static bool IsTransposedHabit(string name) => Has(name, s_transposedParts) && TransposedName().IsMatch(name);

    private static SearchValues<string> Parts(params string[] parts) => SearchValues.Create(parts, StringComparison.OrdinalIgnoreCase);

    private static bool Has(string name, SearchValues<string> parts) => name.AsSpan().ContainsAny(parts);

    private const RegexOptions Options = RegexOptions.IgnoreCase | RegexOptions.CultureInvariant;

    [GeneratedRegex(@"(running_(mean|var)|num_batches_tracked|position_ids|token_type_ids|inv_freq|rope_freqs|(?<!\w)(attn|attention)\.(masked_)?bias|causal_mask|relative_position_index|moving_(mean|variance))(\.weight)?$", Options)]
    private static partial Regex BufferName();

    [GeneratedRegex(@"(^|[._/])(layer_?norm|group_?norm|batch_?norm|rms_?norm|norm|ln|bn)[a-z]*_?\d*([._/]|$)|norm(alization)?\d*\.(weight|bias|scale|gamma|beta)$|_norm(_\d+)?\.(weight|bias)$|(^|[._/])ln_[a-z0-9]+\.|/(gamma|beta)$|layer_norm_(scale|bias)", Options)]
    private static partial Regex NormName();

    [GeneratedRegex(@"(^|[._/])([a-z0-9]+_)*bias(_\w+)?([./]|$)", Options)]
    private static partial Regex BiasName();

    [GeneratedRegex(@"emb(ed|edding|eddings)?s?([._/\d]|$)|(^|[._/])(wte|wpe|embed\w*|\w*_embed(ding)?s?|token_embd|position_embd|lookup_table)([._/]|$)|embeddings?(_\w+)?$", Options)]
    private static partial Regex EmbeddingName();

    [GeneratedRegex(@"embed_out|embed\w*proj|project_emb|projection|patch_embed|hidden_mapping|embeddings?[._/](dense|proj|linear)|(time|timestep|label)_embed\w*[._]\w*(linear|mlp|proj|\d)", Options)]
    private static partial Regex NotEmbeddingName();

    [GeneratedRegex(@"in_proj_weight|(^|[._/])(c_attn|w?qkv|query_key_value|qkv_proj|attn_qkv|qkv_transform\w*|to_qkv|to_kv|kv_proj)([._/]|$)", Options)]
    private static partial Regex PackedName();

    [GeneratedRegex(@"weight_(ih|hh|hr)(_l\d+)?(_reverse)?$|recurrent_kernel|(^|[._/])(lstm|gru)(_cell)?[\w]*/(kernel|recurrent_kernel)$", Options)]
    private static partial Regex RecurrentName();

    [GeneratedRegex(@"(^|\.)(c_attn|c_proj|c_fc|q_attn)\.weight$", Options)]
    private static partial Regex TransposedName();
}
