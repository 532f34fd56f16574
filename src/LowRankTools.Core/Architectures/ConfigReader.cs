using LowRankTools.Core.Models;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Architectures;

/// <summary>
/// Turns a <c>config.json</c> into the shape of a network. Optional parts (a pooler, heads) are there where the weights
/// hold them.
/// </summary>
internal static class ConfigReader
{
    /// <summary>Reads a configuration and holds it to sane bounds.</summary>
    /// <param name="file">The file.</param>
    /// <param name="weights">Names and shapes of the weights beside it.</param>
    /// <exception cref="LowRankToolsException"><c>ConfigInvalid</c>, <c>ArchitectureUnsupported</c>.</exception>
    public static TransformerConfig Read(ConfigFile file, WeightNames weights)
    {
        string type = file.Text("model_type");
        TransformerConfig config = type switch
        {
            "bert" => Bert(file, weights),
            "gpt2" => Gpt2(file, weights),
            "llama" => Llama(file, weights),
            "vit" => Vit(file, weights),
            "x-transformers" => EncoderDecoder(file),
            _ => throw file.Unsupported($"the architecture '{type}'"),
        };
        try
        {
            config.Check();
            return config;
        }
        catch (LowRankToolsException e)
        {
            throw file.Invalid(e.Message, e);
        }
    }

    private static BertConfig Bert(ConfigFile file, WeightNames weights)
    {
        if (file.Text("position_embedding_type", "absolute") is not "absolute" and string positions)
            throw file.Unsupported($"position_embedding_type '{positions}'");
        if (file.Flag("is_decoder", false))
            throw file.Unsupported("BERT as a decoder");
        return new BertConfig
        {
            Vocabulary = file.Int("vocab_size"),
            Width = file.Int("hidden_size"),
            Depth = file.Int("num_hidden_layers"),
            Heads = file.Int("num_attention_heads"),
            Hidden = file.Int("intermediate_size"),
            Positions = file.Int("max_position_embeddings", 512),
            Segments = file.Int("type_vocab_size", 2),
            Epsilon = file.Number("layer_norm_eps", 1e-12),
            Activation = ActivationNames.Read(file, "hidden_act", "gelu"),
            HasPooler = weights.Holds("bert.pooler.dense"),
            HasTokenHead = weights.Holds("cls.predictions.transform.dense"),
            Labels = weights.Outputs("classifier"),
        };
    }

    private static Gpt2Config Gpt2(ConfigFile file, WeightNames weights)
    {
        if (file.Flag("scale_attn_by_inverse_layer_idx", false) || !file.Flag("scale_attn_weights", true))
            throw file.Unsupported("another scale of attention than 1 / sqrt(head)");
        if (file.Flag("add_cross_attention", false))
            throw file.Unsupported("cross attention in GPT-2");
        int width = file.Int(file.Named("n_embd", "hidden_size"));
        (bool head, bool tied) = TokenHead(file, weights, tiedByDefault: true);
        return new Gpt2Config
        {
            Vocabulary = file.Int("vocab_size"),
            Width = width,
            Depth = file.Int(file.Named("n_layer", "num_hidden_layers")),
            Heads = file.Int(file.Named("n_head", "num_attention_heads")),
            Hidden = file.Int("n_inner", Math.Max(0, Math.Min(width, TransformerConfig.MaxWidth)) * 4),
            Positions = file.Int(file.Named("n_positions", "n_ctx"), 1024),
            Epsilon = file.Number("layer_norm_epsilon", 1e-5),
            Activation = ActivationNames.Read(file, "activation_function", "gelu_new"),
            HasTokenHead = head,
            TiedHead = tied,
        };
    }

    private static LlamaConfig Llama(ConfigFile file, WeightNames weights)
    {
        int width = file.Int("hidden_size"), heads = file.Int("num_attention_heads");
        (bool head, bool tied) = TokenHead(file, weights, tiedByDefault: false);
        return new LlamaConfig
        {
            Vocabulary = file.Int("vocab_size"),
            Width = width,
            Depth = file.Int("num_hidden_layers"),
            Heads = heads,
            KeyValueHeads = file.Int("num_key_value_heads", heads),
            HeadWidth = file.Int("head_dim", heads > 0 ? width / heads : 0),
            ValueWidth = file.Int(LlamaConfig.ValueField, 0),
            Hidden = file.Int("intermediate_size"),
            Positions = file.Int("max_position_embeddings", 2048),
            Epsilon = file.Number("rms_norm_eps", 1e-6),
            Activation = ActivationNames.Read(file, "hidden_act", "silu"),
            Rotary = RotaryReader.Read(file),
            AttentionBias = file.Flag("attention_bias", false),
            HiddenBias = file.Flag("mlp_bias", false),
            HasTokenHead = head,
            TiedHead = tied,
        };
    }

    private static VitConfig Vit(ConfigFile file, WeightNames weights) => new()
    {
        ImageSize = file.Int("image_size"),
        PatchSize = file.Int("patch_size"),
        Channels = file.Int("num_channels", 3),
        Width = file.Int("hidden_size"),
        Depth = file.Int("num_hidden_layers"),
        Heads = file.Int("num_attention_heads"),
        Hidden = file.Int("intermediate_size"),
        Epsilon = file.Number("layer_norm_eps", 1e-12),
        Activation = ActivationNames.Read(file, "hidden_act", "gelu"),
        QueryBias = file.Flag("qkv_bias", true),
        HasPooler = weights.Holds("vit.pooler.dense"),
        Labels = weights.Outputs("classifier"),
    };

    private static EncoderDecoderConfig EncoderDecoder(ConfigFile file)
    {
        EncoderDecoderConfig defaults = new();
        return new EncoderDecoderConfig
        {
            Width = file.Int("dim"),
            HeadWidth = file.Int("attn_dim_head", defaults.HeadWidth),
            HiddenFactor = file.Int("ff_mult", defaults.HiddenFactor),
            Encoder = Side("enc"),
            Decoder = Side("dec"),
            TiedEmbedding = file.Flag("tie_token_emb", false),
        };

        SideConfig Side(string name) => new()
        {
            Tokens = file.Int($"{name}_num_tokens"),
            Depth = file.Int($"{name}_depth"),
            Heads = file.Int($"{name}_heads", defaults.Encoder.Heads),
            Length = file.Int($"{name}_max_seq_len"),
        };
    }

    /// <summary>Whether a decoder has a head for the next token, and whether that is the embedding.</summary>
    private static (bool Has, bool Tied) TokenHead(ConfigFile file, WeightNames weights, bool tiedByDefault)
    {
        bool stored = weights.Holds("lm_head");
        bool named = file.Texts("architectures").Any(a => a.EndsWith("LMHeadModel", StringComparison.Ordinal) || a.EndsWith("ForCausalLM", StringComparison.Ordinal));
        return (stored || named, file.Flag("tie_word_embeddings", tiedByDefault));
    }
}
