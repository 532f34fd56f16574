using LowRankTools.Core.Models;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Memory;

/// <summary>Reads what attention keeps out of a <c>config.json</c>, by the names that configurations have for it.</summary>
internal static class ConfigAttention
{
    /// <summary>Above every model's: what is larger is a mistake.</summary>
    private const int Most = 1 << 24;

    private static readonly string[] s_encoders = ["albert", "bert", "camembert", "clip_vision_model", "deberta", "deberta-v2", "distilbert", "electra", "mpnet", "nomic_bert", "roberta", "vit", "xlm-roberta"];

    private static readonly string[] s_withoutAttention = ["mamba", "mamba2", "rwkv", "rwkv5", "rwkv6", "rwkv7", "falcon_mamba"];

    /// <summary>Reads a configuration; of one of several parts, that of the text.</summary>
    /// <exception cref="LowRankToolsException"><c>ConfigInvalid</c>, <c>ArchitectureUnsupported</c>.</exception>
    public static AttentionCache Read(ConfigFile file)
    {
        List<string> assumptions = [];
        if (file.Inner("text_config") is { } text && !file.Has(file.Named("num_hidden_layers", "n_layer", "num_layers", "n_layers")))
        {
            assumptions.Add("The cache is that of text_config; what images or sound take is not in it.");
            file = text;
        }
        string type = file.Text("model_type", "unknown");
        if (file.Flag("is_encoder_decoder", false) || s_withoutAttention.Contains(type))
            throw Unsupported(file, type);
        int layers = Size(file, file.Named("num_hidden_layers", "n_layer", "num_layers", "n_layers"));
        int? longest = file.Named("max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "n_ctx") is var name && file.Has(name) ? Size(file, name) : null;
        if (s_encoders.Contains(type) && !file.Flag("is_decoder", false))
        {
            assumptions.Add("An encoder sees all tokens at once and keeps no cache.");
            return new AttentionCache { ModelType = type, FullLayers = 0, KeyValueHeads = 0, HeadElements = 0, LongestContext = longest, Assumptions = assumptions };
        }
        AttentionCache heads = file.Has("kv_lora_rank") ? Latent(file, layers, assumptions) : Heads(file, layers, assumptions);
        return AttentionWindow.Apply(file, heads with { ModelType = type, LongestContext = longest, Assumptions = assumptions }, layers, assumptions);
    }

    private static AttentionCache Latent(ConfigFile file, int layers, List<string> assumptions)
    {
        assumptions.Add("The cache holds one latent vector and one rotated key a token (multi-head latent attention); a runtime that unpacks them needs more.");
        return new AttentionCache { ModelType = "", FullLayers = layers, KeyValueHeads = 1, HeadElements = checked(Size(file, "kv_lora_rank") + Size(file, "qk_rope_head_dim")) };
    }

    private static AttentionCache Heads(ConfigFile file, int layers, List<string> assumptions)
    {
        int heads = Size(file, file.Named("num_attention_heads", "n_head", "num_heads", "n_heads"));
        int size = file.Has("head_dim") ? Size(file, "head_dim") : Size(file, file.Named("hidden_size", "n_embd", "d_model")) / heads;
        if (size == 0)
            throw file.Invalid("there are more heads than numbers in a token.");
        if (!file.Has("head_dim"))
            assumptions.Add("A head is the width divided by the heads, for the configuration names no head_dim.");
        string grouped = file.Named("num_key_value_heads", "n_head_kv", "num_kv_heads", "multi_query_group_num");
        // Falcon's first form says one head of keys for all with a flag.
        int keyValueHeads = file.Has(grouped) ? Size(file, grouped) : file.Flag("multi_query", false) && !file.Flag("new_decoder_architecture", false) ? 1 : heads;
        int values = file.Has(LlamaConfig.ValueField) ? Size(file, LlamaConfig.ValueField) : size;
        return new AttentionCache { ModelType = "", FullLayers = layers, KeyValueHeads = keyValueHeads, HeadElements = checked(size + values) };
    }

    private static int Size(ConfigFile file, string field) => file.Int(field) is var value && value is >= 1 and <= Most ? value
        : throw file.Invalid($"the field '{field}' is {value} and not from 1 to {Most}.");

    private static LowRankToolsException Unsupported(ConfigFile file, string type) => new(CoreErrors.ArchitectureUnsupported,
        $"{file.Path}: what a '{type}' model keeps of its tokens is not estimated.", "Decoders with attention are; Measure-ParameterCount has the weights of all.");
}
