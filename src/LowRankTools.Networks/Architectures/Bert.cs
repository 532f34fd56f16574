using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Architectures;

/// <summary>A BERT encoder with what of its heads a model has: the pooled state, masked tokens, classes.</summary>
public sealed class Bert : Transformer
{
    private readonly BertConfig _config;
    private readonly BertEmbeddings _embeddings;
    private readonly ModuleList<BertLayer> _layers;
    private readonly Slot<LinearLayer>? _pooler, _classifier;
    private readonly BertTokenHead? _tokenHead;

    /// <summary>Builds the network.</summary>
    /// <param name="factory">Makes the parameters.</param>
    /// <param name="config">Its shape.</param>
    public Bert(ParameterFactory factory, BertConfig config)
        : base(config)
    {
        _config = config;
        Container body = new("BertModel"), encoder = new("BertEncoder");
        _embeddings = body.Add("embeddings", new BertEmbeddings(factory, config)).Module;
        _layers = encoder.Add("layer", new ModuleList<BertLayer>(Enumerable.Range(0, config.Depth).Select(_ => new BertLayer(factory, config)))).Module;
        body.Add("encoder", encoder);
        if (config.HasPooler)
        {
            Container pooler = new("BertPooler");
            _pooler = pooler.Add<LinearLayer>("dense", new Linear(factory, config.Width, config.Width));
            body.Add("pooler", pooler);
        }
        AddChild("bert", body);
        if (config.HasTokenHead)
        {
            Container heads = new("BertOnlyMLMHead");
            _tokenHead = heads.Add("predictions", new BertTokenHead(factory, config, _embeddings.Words)).Module;
            AddChild("cls", heads);
        }
        if (config.Labels > 0)
            _classifier = AddChild<LinearLayer>("classifier", new Linear(factory, config.Width, config.Labels));
    }

    /// <inheritdoc/>
    public override string TypeName => _config.HasTokenHead ? "BertForMaskedLM" : _config.Labels > 0 ? "BertForSequenceClassification" : "BertForHiddenStates";

    /// <inheritdoc/>
    public override NetworkOutput Forward(Pass pass, NetworkBatch batch)
    {
        TokenBatch tokens = Read<TokenBatch>(batch);
        tokens.Check(_config.Vocabulary, _config.Positions);
        AttentionInput input = tokens.AttentionInput();
        ITensor x = _embeddings.Forward(pass, tokens);
        foreach (BertLayer layer in _layers)
            x = layer.Forward(pass, x, input);
        ITensor? pooled = _pooler is null ? null : Pool(pass, x, tokens);
        ITensor? logits = _tokenHead?.Forward(pass, x) ?? (pooled is null ? null : _classifier?.Module.Forward(pass, pooled));
        pass.Save(this, tokens);
        return new NetworkOutput { Hidden = x, Pooled = pooled, Logits = logits };
    }

    /// <inheritdoc/>
    public override void Backward(Pass pass, ITensor? result, ITensor? hidden)
    {
        TokenBatch tokens = pass.Restore<TokenBatch>(this);
        if (result is not null && _tokenHead is not null)
            result = _tokenHead.Backward(pass, result);
        else if (result is not null && _pooler is not null)
            result = PoolBackward(pass, _classifier is null ? result : _classifier.Module.Backward(pass, result), tokens);
        ITensor gradient = Sum(pass, result, hidden);
        for (int i = _layers.Count - 1; i >= 0; i--)
            gradient = _layers[i].Backward(pass, gradient);
        _embeddings.Backward(pass, gradient);
    }

    /// <summary>tanh(dense(state of the first token)) of each sequence.</summary>
    private ITensor Pool(Pass pass, ITensor x, TokenBatch tokens)
    {
        ITensor first = pass.New(x, tokens.Sequences, _config.Width);
        pass.Engine.Gather(x, tokens.FirstTokens(), first, pass.CancellationToken);
        ITensor pooled = _pooler!.Module.Forward(pass, first, Activation.Tanh);
        pass.Release(first);
        return pooled;
    }

    private ITensor PoolBackward(Pass pass, ITensor gradient, TokenBatch tokens)
    {
        ITensor dFirst = _pooler!.Module.Backward(pass, gradient, Activation.Tanh);
        ITensor dx = pass.Engine.Create(dFirst.ElementType, tokens.Ids.Length, _config.Width);
        pass.Engine.ScatterAdd(dFirst, tokens.FirstTokens(), dx, pass.CancellationToken);
        dFirst.Dispose();
        return dx;
    }
}
