using System.Buffers;
using System.Text.Json;
using System.Text.Json.Nodes;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Architectures;

/// <summary>Writes a network's shape as the <c>config.json</c> that <see cref="ConfigReader"/> and the model's own library read.</summary>
internal static class ConfigWriter
{
    /// <summary>The file's bytes.</summary>
    public static byte[] Write(TransformerConfig config)
    {
        JsonObject fields = config switch
        {
            BertConfig bert => Bert(bert),
            Gpt2Config gpt2 => Gpt2(gpt2),
            LlamaConfig llama => Llama(llama),
            VitConfig vit => Vit(vit),
            EncoderDecoderConfig both => EncoderDecoder(both),
            _ => throw new LowRankToolsException(CoreErrors.ArchitectureUnsupported, $"The architecture '{config.ModelType}' has no config.json."),
        };
        fields.Insert(0, "model_type", config.ModelType);
        ArrayBufferWriter<byte> bytes = new();
        using (Utf8JsonWriter json = new(bytes, new JsonWriterOptions { Indented = true })) fields.WriteTo(json);
        return [.. bytes.WrittenSpan, (byte)'\n'];
    }

    private static JsonObject Bert(BertConfig c) => new()
    {
        ["architectures"] = new JsonArray(c.HasTokenHead ? "BertForMaskedLM" : c.Labels > 0 ? "BertForSequenceClassification" : "BertModel"),
        ["vocab_size"] = c.Vocabulary,
        ["hidden_size"] = c.Width,
        ["num_hidden_layers"] = c.Depth,
        ["num_attention_heads"] = c.Heads,
        ["intermediate_size"] = c.Hidden,
        ["hidden_act"] = ActivationNames.Write(c.Activation),
        ["max_position_embeddings"] = c.Positions,
        ["type_vocab_size"] = c.Segments,
        ["layer_norm_eps"] = c.Epsilon,
    };

    private static JsonObject Gpt2(Gpt2Config c) => new()
    {
        ["architectures"] = new JsonArray(c.HasTokenHead ? "GPT2LMHeadModel" : "GPT2Model"),
        ["vocab_size"] = c.Vocabulary,
        ["n_embd"] = c.Width,
        ["n_layer"] = c.Depth,
        ["n_head"] = c.Heads,
        ["n_inner"] = c.Hidden,
        ["n_positions"] = c.Positions,
        ["activation_function"] = ActivationNames.Write(c.Activation),
        ["layer_norm_epsilon"] = c.Epsilon,
        ["tie_word_embeddings"] = c.TiedHead,
    };

    private static JsonObject Llama(LlamaConfig c)
    {
        JsonObject fields = LlamaFields(c);
        if (c.ValueWidth > 0)
            fields[LlamaConfig.ValueField] = c.ValueWidth;
        return fields;
    }

    private static JsonObject LlamaFields(LlamaConfig c) => new()
    {
        ["architectures"] = new JsonArray(c.HasTokenHead ? "LlamaForCausalLM" : "LlamaModel"),
        ["vocab_size"] = c.Vocabulary,
        ["hidden_size"] = c.Width,
        ["num_hidden_layers"] = c.Depth,
        ["num_attention_heads"] = c.Heads,
        ["num_key_value_heads"] = c.KeyValueHeads,
        ["head_dim"] = c.HeadWidth,
        ["intermediate_size"] = c.Hidden,
        ["hidden_act"] = ActivationNames.Write(c.Activation),
        ["max_position_embeddings"] = c.Positions,
        ["rms_norm_eps"] = c.Epsilon,
        ["rope_theta"] = c.Rotary.Base,
        ["rope_scaling"] = Rotary(c.Rotary, c.Positions),
        ["attention_bias"] = c.AttentionBias,
        ["mlp_bias"] = c.HiddenBias,
        ["tie_word_embeddings"] = c.TiedHead,
    };

    /// <summary>Rotary positions that turn pairs by divisors of their own, as LongRoPE's fields say it for any length.</summary>
    /// <param name="divisors">A number for each pair.</param>
    /// <param name="positions">Longest sequence.</param>
    public static JsonObject Divided(IReadOnlyList<double> divisors, int positions) => new()
    {
        ["rope_type"] = "longrope",
        ["factor"] = 1.0,
        ["attention_factor"] = 1.0,
        ["original_max_position_embeddings"] = positions,
        ["short_factor"] = new JsonArray([.. divisors.Select(d => (JsonNode)d)]),
        ["long_factor"] = new JsonArray([.. divisors.Select(d => (JsonNode)d)]),
    };

    private static JsonObject? Rotary(RotaryConfig c, int positions) => c switch
    {
        { Divisors: { } divisors } => Divided(divisors, positions),
        { Factor: 1 } => null,
        { OriginalPositions: 0 } => new JsonObject { ["rope_type"] = "linear", ["factor"] = c.Factor },
        _ => new JsonObject
        {
            ["rope_type"] = "llama3",
            ["factor"] = c.Factor,
            ["original_max_position_embeddings"] = c.OriginalPositions,
            ["low_freq_factor"] = c.LowTurns,
            ["high_freq_factor"] = c.HighTurns,
        },
    };

    private static JsonObject Vit(VitConfig c) => new()
    {
        ["architectures"] = new JsonArray(c.Labels > 0 ? "ViTForImageClassification" : "ViTModel"),
        ["image_size"] = c.ImageSize,
        ["patch_size"] = c.PatchSize,
        ["num_channels"] = c.Channels,
        ["hidden_size"] = c.Width,
        ["num_hidden_layers"] = c.Depth,
        ["num_attention_heads"] = c.Heads,
        ["intermediate_size"] = c.Hidden,
        ["hidden_act"] = ActivationNames.Write(c.Activation),
        ["layer_norm_eps"] = c.Epsilon,
        ["qkv_bias"] = c.QueryBias,
    };

    private static JsonObject EncoderDecoder(EncoderDecoderConfig c)
    {
        JsonObject fields = new() { ["dim"] = c.Width };
        foreach ((string name, SideConfig side) in new[] { ("enc", c.Encoder), ("dec", c.Decoder) })
        {
            fields[$"{name}_num_tokens"] = side.Tokens;
            fields[$"{name}_depth"] = side.Depth;
            fields[$"{name}_heads"] = side.Heads;
            fields[$"{name}_max_seq_len"] = side.Length;
        }
        fields["attn_dim_head"] = c.HeadWidth;
        fields["ff_mult"] = c.HiddenFactor;
        fields["tie_token_emb"] = c.TiedEmbedding;
        return fields;
    }
}
