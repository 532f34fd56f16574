using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Architectures;

/// <summary>A Vision Transformer with what of its heads a model has: the pooled state, classes.</summary>
public sealed class Vit : Transformer
{
    private readonly VitConfig _config;
    private readonly VitEmbeddings _embeddings;
    private readonly ModuleList<VitLayer> _layers;
    private readonly Slot<Layer> _norm;
    private readonly Slot<LinearLayer>? _pooler, _classifier;

    /// <summary>Builds the network.</summary>
    /// <param name="factory">Makes the parameters.</param>
    /// <param name="config">Its shape.</param>
    public Vit(ParameterFactory factory, VitConfig config)
        : base(config)
    {
        _config = config;
        Container body = new("ViTModel"), encoder = new("ViTEncoder");
        _embeddings = body.Add("embeddings", new VitEmbeddings(factory, config)).Module;
        _layers = encoder.Add("layer", new ModuleList<VitLayer>(Enumerable.Range(0, config.Depth).Select(_ => new VitLayer(factory, config)))).Module;
        body.Add("encoder", encoder);
        _norm = body.Add<Layer>("layernorm", new LayerNorm(factory, config.Width, config.Epsilon));
        if (config.HasPooler)
        {
            Container pooler = new("ViTPooler");
            _pooler = pooler.Add<LinearLayer>("dense", new Linear(factory, config.Width, config.Width));
            body.Add("pooler", pooler);
        }
        AddChild("vit", body);
        if (config.Labels > 0)
            _classifier = AddChild<LinearLayer>("classifier", new Linear(factory, config.Width, config.Labels));
    }

    /// <inheritdoc/>
    public override string TypeName => _config.Labels > 0 ? "ViTForImageClassification" : "ViTForHiddenStates";

    /// <inheritdoc/>
    public override NetworkOutput Forward(Pass pass, NetworkBatch batch)
    {
        ImageBatch images = Read<ImageBatch>(batch);
        AttentionInput input = new(images.Images);
        ITensor x = _embeddings.Forward(pass, images);
        foreach (VitLayer layer in _layers)
            x = layer.Forward(pass, x, input);
        ITensor hidden = pass.Through(_norm.Module, x);
        ITensor first = pass.New(hidden, images.Images, _config.Width);
        pass.Engine.Gather(hidden, images.FirstTokens(), first, pass.CancellationToken);
        ITensor? pooled = _pooler?.Module.Forward(pass, first, Activation.Tanh), logits = _classifier?.Module.Forward(pass, first);
        pass.Release(first);
        pass.Save(this, images);
        return new NetworkOutput { Hidden = hidden, Pooled = pooled, Logits = logits };
    }

    /// <inheritdoc/>
    public override void Backward(Pass pass, ITensor? result, ITensor? hidden)
    {
        ImageBatch images = pass.Restore<ImageBatch>(this);
        if (result is not null && (_classifier ?? _pooler) is { } head)
        {
            ITensor dFirst = head.Module.Backward(pass, result, _classifier is null ? Activation.Tanh : Activation.None);
            result = pass.Engine.Create(dFirst.ElementType, images.TokenCount, _config.Width);
            pass.Engine.ScatterAdd(dFirst, images.FirstTokens(), result, pass.CancellationToken);
            dFirst.Dispose();
        }
        ITensor dHidden = Sum(pass, result, hidden);
        dHidden = _norm.Module.Backward(pass, dHidden);
        for (int i = _layers.Count - 1; i >= 0; i--)
            dHidden = _layers[i].Backward(pass, dHidden);
        _embeddings.Backward(pass, dHidden);
    }
}
