using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Architectures;

/// <summary>A GPT-2 decoder: learned positions, pre-norm blocks, a head that is the embedding or stands beside it.</summary>
public sealed class Gpt2 : Transformer
{
    private readonly Gpt2Config _config;
    private readonly Slot<EmbeddingLayer> _tokens, _positions;
    private readonly ModuleList<PreNormBlock> _blocks;
    private readonly Slot<Layer> _norm;
    private readonly Slot<LinearLayer>? _head;

    /// <summary>Builds the network.</summary>
    /// <param name="factory">Makes the parameters.</param>
    /// <param name="config">Its shape.</param>
    public Gpt2(ParameterFactory factory, Gpt2Config config)
        : base(config)
    {
        _config = config;
        Container body = new("GPT2Model");
        _tokens = body.Add<EmbeddingLayer>("wte", new Embedding(factory.Normal(0.02, config.Vocabulary, config.Width)));
        _positions = body.Add<EmbeddingLayer>("wpe", new Embedding(factory.Normal(0.02, config.Positions, config.Width)));
        _blocks = body.Add("h", new ModuleList<PreNormBlock>(Enumerable.Range(0, config.Depth).Select(_ => Block(factory, config)))).Module;
        _norm = body.Add<Layer>("ln_f", new LayerNorm(factory, config.Width, config.Epsilon));
        AddChild("transformer", body);
        if (config.HasTokenHead)
            _head = AddChild<LinearLayer>("lm_head", config.TiedHead ? new TiedHead(_tokens) : new Linear(factory, config.Width, config.Vocabulary, bias: false));
    }

    /// <inheritdoc/>
    public override string TypeName => _config.HasTokenHead ? "GPT2LMHeadModel" : "GPT2ForHiddenStates";

    /// <inheritdoc/>
    public override NetworkOutput Forward(Pass pass, NetworkBatch batch)
    {
        TokenBatch tokens = Read<TokenBatch>(batch);
        tokens.Check(_config.Vocabulary, _config.Positions);
        AttentionInput input = tokens.AttentionInput();
        ITensor x = _tokens.Module.Forward(pass, tokens.Ids);
        ITensor positions = _positions.Module.Forward(pass, tokens.Positions());
        pass.Engine.AddScaled(1, positions, 1, x);
        pass.Release(positions);
        foreach (PreNormBlock block in _blocks)
            x = block.Forward(pass, x, input);
        ITensor hidden = pass.Through(_norm.Module, x);
        return new NetworkOutput { Hidden = hidden, Logits = _head?.Module.Forward(pass, hidden) };
    }

    /// <inheritdoc/>
    public override void Backward(Pass pass, ITensor? result, ITensor? hidden)
    {
        if (result is not null && _head is not null)
            result = _head.Module.Backward(pass, result);
        ITensor gradient = Sum(pass, result, hidden);
        gradient = _norm.Module.Backward(pass, gradient);
        for (int i = _blocks.Count - 1; i >= 0; i--)
            gradient = _blocks[i].Backward(pass, gradient);
        _positions.Module.Backward(pass, pass.Engine.Copy(gradient, gradient.ElementType));
        _tokens.Module.Backward(pass, gradient);
    }

    private static PreNormBlock Block(ParameterFactory factory, Gpt2Config config)
    {
        int width = config.Width;
        return new PreNormBlock("GPT2Block",
            ("ln_1", new LayerNorm(factory, width, config.Epsilon)),
            ("attn", new PackedAttention(new AttentionOptions(config.Heads) { Causal = true }, new Linear(factory, width, 3 * width), new Linear(factory, width, width))),
            ("ln_2", new LayerNorm(factory, width, config.Epsilon)),
            ("mlp", new FeedForward(new Linear(factory, width, config.Hidden), new Linear(factory, config.Hidden, width), config.Activation, "c_fc", "c_proj")));
    }
}
