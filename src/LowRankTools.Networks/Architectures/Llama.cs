using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Architectures;

/// <summary>A Llama decoder.</summary>
public sealed class Llama : Transformer
{
    private readonly LlamaConfig _config;
    private readonly Slot<EmbeddingLayer> _tokens;
    private readonly ModuleList<PreNormBlock> _layers;
    private readonly Slot<Layer> _norm;
    private readonly Slot<LinearLayer>? _head;

    /// <summary>Builds the network.</summary>
    /// <param name="factory">Makes the parameters.</param>
    /// <param name="config">Its shape.</param>
    public Llama(ParameterFactory factory, LlamaConfig config)
        : base(config)
    {
        _config = config;
        Container body = new("LlamaModel");
        _tokens = body.Add<EmbeddingLayer>("embed_tokens", new Embedding(factory.Normal(0.02, config.Vocabulary, config.Width)));
        _layers = body.Add("layers", new ModuleList<PreNormBlock>(Enumerable.Range(0, config.Depth).Select(_ => Layer(factory, config)))).Module;
        _norm = body.Add<Layer>("norm", new RmsNorm(factory, config.Width, config.Epsilon));
        AddChild("model", body);
        if (config.HasTokenHead)
            _head = AddChild<LinearLayer>("lm_head", config.TiedHead ? new TiedHead(_tokens) : new Linear(factory, config.Width, config.Vocabulary, bias: false));
    }

    /// <inheritdoc/>
    public override string TypeName => _config.HasTokenHead ? "LlamaForCausalLM" : "LlamaForHiddenStates";

    /// <inheritdoc/>
    public override NetworkOutput Forward(Pass pass, NetworkBatch batch)
    {
        TokenBatch tokens = Read<TokenBatch>(batch);
        tokens.Check(_config.Vocabulary, _config.Positions);
        ITensor x = _tokens.Module.Forward(pass, tokens.Ids);
        RotaryTables rotary = RotaryTables.Create(pass.Engine, tokens.Length, _config.HeadWidth, type: x.ElementType, frequencies: _config.Rotary.Frequencies(_config.HeadWidth));
        AttentionInput input = tokens.AttentionInput(rotary);
        foreach (PreNormBlock layer in _layers)
            x = layer.Forward(pass, x, input);
        ITensor hidden = pass.Through(_norm.Module, x);
        pass.Save(this, input, rotary.Cosines, rotary.Sines);
        pass.Release(rotary.Cosines);
        pass.Release(rotary.Sines);
        return new NetworkOutput { Hidden = hidden, Logits = _head?.Module.Forward(pass, hidden) };
    }

    /// <inheritdoc/>
    public override void Backward(Pass pass, ITensor? result, ITensor? hidden)
    {
        pass.Restore<AttentionInput>(this);
        if (result is not null && _head is not null)
            result = _head.Module.Backward(pass, result);
        ITensor gradient = Sum(pass, result, hidden);
        gradient = _norm.Module.Backward(pass, gradient);
        for (int i = _layers.Count - 1; i >= 0; i--)
            gradient = _layers[i].Backward(pass, gradient);
        _tokens.Module.Backward(pass, gradient);
    }

    private static PreNormBlock Layer(ParameterFactory factory, LlamaConfig config)
    {
        int width = config.Width, queries = config.Heads * config.HeadWidth, keys = config.KeyValueHeads * config.HeadWidth, size = config.ValueWidth > 0 ? config.ValueWidth : config.HeadWidth;
        bool bias = config.AttentionBias;
        AttentionOptions heads = new(config.Heads) { KeyHeads = config.KeyValueHeads, Causal = true, Names = ("q_proj", "k_proj", "v_proj", "o_proj") };
        return new PreNormBlock("LlamaDecoderLayer",
            ("input_layernorm", new RmsNorm(factory, width, config.Epsilon)),
            ("self_attn", new MultiHeadAttention(heads, new Linear(factory, width, queries, bias), new Linear(factory, width, keys, bias),
                new Linear(factory, width, config.KeyValueHeads * size, bias), new Linear(factory, config.Heads * size, width, bias))),
            ("post_attention_layernorm", new RmsNorm(factory, width, config.Epsilon)),
            ("mlp", new GatedFeedForward(new Linear(factory, width, config.Hidden, config.HiddenBias), new Linear(factory, width, config.Hidden, config.HiddenBias),
                new Linear(factory, config.Hidden, width, config.HiddenBias), config.Activation)));
    }
}
